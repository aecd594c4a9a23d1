"""The commands of the command line, one per file; `sweeper.cli` combines them."""
