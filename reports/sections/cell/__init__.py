"""The parts of an opened cell, one file each."""
