"""Measured claims: `make bench`, or `python -m benchmarks NAME --help`."""
