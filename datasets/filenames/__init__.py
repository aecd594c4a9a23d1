"""What file names tell of images that belong together."""
