"""The audit of a folder of images before training."""
