"""Write a run's tables and closing lines from its state in the store."""
