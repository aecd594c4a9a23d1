"""Everything that uses Ray: the session, trials on Tune, failures, signals, clusters."""
