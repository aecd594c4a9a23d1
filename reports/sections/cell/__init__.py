"""What an opened cell shows, one file for each part."""
