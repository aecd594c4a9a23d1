"""The one exception for what a user can mend in their data."""


class DataError(ValueError):
    """A user's mistake about data, told in one line: the value, the rule, the way out."""
