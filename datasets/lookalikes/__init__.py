"""Find near-copies: images that are copies of one another although their bytes differ."""
