"""The plan of a configuration: images, splits, cells, trials, and the keys of their artifacts."""
