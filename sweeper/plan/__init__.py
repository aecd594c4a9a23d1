"""What a configuration asks for: images, splits, cells, trials, and the keys of their artifacts."""
