"""What the split policies are made of, and the meter of what leaks."""
