"""Everything that speaks to Ray: the session, trials on Tune, failures, signals, clusters."""
