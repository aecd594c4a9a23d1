"""Export a champion as a web page that classifies pictures in a browser, without a connection."""
