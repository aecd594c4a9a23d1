"""What each section of the page says: from a `Run` to plain values the templates only lay out."""
