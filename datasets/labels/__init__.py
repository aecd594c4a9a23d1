"""Labels of images from a table instead of folder names."""
