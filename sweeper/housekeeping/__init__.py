"""What `sweep.py store` knows: what a store holds, and what a configuration needs of it."""
