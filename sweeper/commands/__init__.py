"""The commands of the command line, one a file; `sweeper.cli` puts them together."""
