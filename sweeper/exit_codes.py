"""What the command ends with, as README.md tells it. Of the standard library only."""

DONE = 0  # all cells
SOME_FAILED = 1  # of the cells
USER_ERROR = 2  # a mistake, or Ray died: told in one line
INTERRUPTED = 130
BY_SIGNAL = 128  # and the signal's number
