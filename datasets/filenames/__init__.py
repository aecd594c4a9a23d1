"""Group images by their file names."""
