"""What is done with a finished run's networks: choose one, classify with it, hand it on."""
