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
_PREEMPTED = re.compile(
    r"node (has )?died|NodeDiedError|node it was running on is dead"
    r"|node (has been |was )?(preempted|drained|terminated)|died by preemption"
    r"|owner's node died|local raylet (has )?(died|failed|is dead)"
    r"|lost due to node failure"
    # Ray Train: the machines for a trial's workers have not come yet, or not come again.
    r"|worker group startup timed out"
    # Its machine does not answer, and after `RAY_timeout_ms_task_wait_for_death_info` (see
    # `session._ENVIRONMENT`) nobody has told of a death of the process alone.
    r"|ActorUnavailableError|actor \S+ is unavailable|actor is temporarily unavailable",
    re.IGNORECASE,
)
_CRASHED = re.compile(
    r"(actor|worker|process|owner) (has )?died|ActorDiedError|WorkerCrashedError"
    r"|RaySystemError|\ASystem error: |ObjectLostError|OwnerDiedError|object's owner has exited"
    r"|it was killed by `ray\.kill`"
    r"|worker health check failed"
    r"|running low on memory|MemoryError|out of memory|can't allocate memory",
    re.IGNORECASE,
)
# What a worker says whose fellow has died, before anybody has told that it did.
_DESERTED = re.compile(
    r"connection (was )?(closed|reset) by (remote )?peer|gloo/transport"
    r"|NCCL error|ncclRemoteError|DistBackendError",
    re.IGNORECASE,
)
# Of the memory monitor: command lines of everybody's processes, which are nobody else's business.
_NEIGHBOURS = re.compile(r"Top \d+ memory users:.*?(?=\nRefer to |\Z)", re.DOTALL)
_UNTOLD = "Ray gave no reason"


class Cause(Enum):
    """Why a piece of work has no result."""

    PREEMPTED = "its machine went away"
    CRASHED = "its process died or ran out of memory"
    RAISED = "it raised an error, which it would raise again"


def cause_of(text: str) -> Cause:
    """The cause that an error's text tells, Ray's or a traceback. Nothing told is what Tune has of
    an actor whose machine went away as it started; whoever raises has a process left to tell."""
    said = readable(text)
    if said == _UNTOLD or _PREEMPTED.search(said):
        return Cause.PREEMPTED
    died = _CRASHED.search(said) or _DESERTED.search(said)
    return Cause.CRASHED if died else Cause.RAISED


def readable(text: str) -> str:
    """An error's text as a table takes it: without terminal colours, Tune's counting and the other
    processes of the machine."""
    said = _NEIGHBOURS.sub("", _HEADER.sub("", _ANSI.sub("", text))).strip()
    return _UNTOLD if said in ("", "None") else said


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
