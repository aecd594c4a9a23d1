"""The pipeline and its steps, which compute what is missing."""
