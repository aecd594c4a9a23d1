"""Reading a configuration: the file, what is allowed in it, what contradicts itself."""
