"""Files shipped with an exported champion; `classify.py` is copied unchanged."""
