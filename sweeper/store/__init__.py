"""The store: artifacts on a disk or in a bucket, complete or not at all."""
