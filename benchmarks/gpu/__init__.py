"""What only a GPU can tell, in parts that one command measures unattended: see `__main__`."""
