"""The exit codes of the command (docs/reference/command.md). Imports nothing."""

DONE = 0  # all cells
SOME_FAILED = 1  # of the cells
USER_ERROR = 2  # a mistake, or Ray died: reported in one line
INTERRUPTED = 130
BY_SIGNAL = 128  # and the signal's number
