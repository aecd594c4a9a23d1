"""Doing what is missing: the pipeline and its steps."""
