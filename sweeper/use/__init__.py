"""Use the networks of a finished run: choose one, predict with it, export it."""
