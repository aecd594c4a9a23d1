"""From what the store holds of a plan to a run's tables and its last lines."""
