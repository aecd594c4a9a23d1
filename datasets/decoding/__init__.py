"""Decode an image file of any supported format to RGB pixels, or fail with a one-line reason."""
