"""Ray's side of a run: what died and is tried again, signals, clusters that grow."""
