"""Using a finished run's networks: choose one, classify with it, export it."""
