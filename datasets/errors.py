"""The exception for problems that users can fix in their data."""


class DataError(ValueError):
    """A user error about data. Its message is one line: the value, the rule, the way out."""
