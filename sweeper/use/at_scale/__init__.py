"""Predict folders and buckets of images to Parquet, on all machines."""
