"""What an exported champion comes with; `classify.py` is copied as it is."""
