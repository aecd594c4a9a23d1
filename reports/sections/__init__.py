"""The sections of the page: from a `Run` to plain values that the templates only lay out."""
