"""What a folder of images is: its layers, its class folders, and what in it is neither."""
