"""Checks of a data set for the audit, besides the search for copies."""
