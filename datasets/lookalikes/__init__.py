"""Pictures that are copies of one another though no byte is equal."""
