"""What a run will cost, told before anything is spent."""
