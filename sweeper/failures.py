"""What a piece of work on Ray ended with, and whether it is tried again.

Ray gives a dead process's reason as text only (Tune keeps nothing else of an error), so the text is
what is looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

_MOST_PREEMPTIONS = 20  # of one piece of work: beyond, something else is wrong
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_HEADER = re.compile(r"\AFailure # \d+ \(occurred at [^)]*\)\n")  # Tune's
_NOTHING = ("", "None")
_PREEMPTED = re.compile(
    r"node (has )?died|NodeDiedError|node (has been |was )?(preempted|drained|terminated)"
    r"|ActorUnavailableError|The actor [0-9a-f]+ is unavailable",  # before Ray knows the node gone
    re.IGNORECASE,
)
_CRASHED = re.compile(
    r"(actor|worker|process) (has )?died|ActorDiedError|WorkerCrashedError"
    r"|running low on memory|MemoryError|out of memory|can't allocate memory",
    re.IGNORECASE,
)


class Cause(Enum):
    """Why a piece of work has no result."""

    PREEMPTED = "its machine went away"
    CRASHED = "its process died or ran out of memory"
    RAISED = "it raised an error, which it would raise again"


def cause_of(text: str) -> Cause:
    """The cause that an error's text tells, Ray's or a traceback. No text at all is what Tune has
    of an actor whose machine went away as it started."""
    if readable(text) in _NOTHING or _PREEMPTED.search(text):
        return Cause.PREEMPTED
    return Cause.CRASHED if _CRASHED.search(text) else Cause.RAISED


def readable(text: str) -> str:
    """An error's text as a table takes it: without terminal colours and Tune's counting."""
    return _HEADER.sub("", _ANSI.sub("", text)).strip()


class Attempts:
    """Counts how often each piece of work has failed, and says whether it is tried again.

    A crash is tried again `retries` times. A machine that went away does not count. What a piece of
    work raises by itself is never tried again.
    """

    def __init__(self, retries: int) -> None:
        self.retries = retries
        self._failures: Counter[tuple[str, Cause]] = Counter()

    def again(self, key: str, text: str) -> bool:
        """Enter a failure; whether the work is tried again."""
        cause = cause_of(text)
        self._failures[key, cause] += 1
        allowed = {Cause.PREEMPTED: _MOST_PREEMPTIONS, Cause.CRASHED: self.retries, Cause.RAISED: 0}
        return self._failures[key, cause] <= allowed[cause]

    def told(self, key: str, text: str) -> str:
        """The error as it is recorded in the end: what happened, how often, and the text."""
        count = self._failures[key, cause_of(text)]
        times = f" ({count} times)" if count > 1 else ""
        return f"{cause_of(text).value}{times}:\n{readable(text)}"
