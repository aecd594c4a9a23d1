"""The split policies, their parts, and the count of leaks."""
