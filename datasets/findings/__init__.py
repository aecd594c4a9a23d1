"""What else an audit tells of a data set."""
