"""What to run, in which order, and what is done already. Knows every package; none knows it."""
