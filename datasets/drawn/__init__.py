"""Drawn radiographs: the demo's images. Nothing else in the packages knows about fractures."""
