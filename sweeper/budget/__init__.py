"""Choose what to run within a given time."""
