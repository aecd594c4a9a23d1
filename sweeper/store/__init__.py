"""The store: artifacts on a disk or in a bucket, whole or not at all."""
