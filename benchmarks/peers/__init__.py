"""Other tools on the same images, split and weights: `python -m benchmarks.peers --help`."""
