"""Why a piece of work on Ray failed, and whether it is retried.

Tune keeps only the text of an error, and Ray Train and Data wrap the errors of their workers in
their own, so the cause is read from the text (see "Reliance on Ray's internals" in
docs/explanation/reliability.md).
"""

from __future__ import annotations

import re
from collections import Counter
from enum import Enum

_MOST_PREEMPTIONS = 20  # of one piece of work; beyond that, something else is wrong
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_HEADER = re.compile(r"\AFailure # \d+ \(occurred at [^)]*\)\n")  # Tune's
_PREEMPTED = re.compile(
    r"node (has )?died|NodeDiedError|node it was running on is dead"
    r"|node (has been |was )?(preempted|drained|terminated)|died by preemption"
    r"|owner's node died|local raylet (has )?(died|failed|is dead)"
    r"|lost due to node failure"
    # Ray Train: the machines for a trial's workers have not started yet.
    r"|worker group startup timed out"
    # The machine does not answer, and no death of the process alone was reported within
    # `RAY_timeout_ms_task_wait_for_death_info` (see `session._ENVIRONMENT`).
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
# What a worker raises when its peer has died, before that death is reported.
_PEER_DIED = re.compile(
    r"connection (was )?(closed|reset) by (remote )?peer|gloo/transport"
    r"|NCCL error|ncclRemoteError|DistBackendError",
    re.IGNORECASE,
)
# The memory monitor lists command lines of other users' processes, which must not be stored.
_OTHER_PROCESSES = re.compile(r"Top \d+ memory users:.*?(?=\nRefer to |\Z)", re.DOTALL)
_NO_REASON = "Ray gave no reason"


class Cause(Enum):
    """The reason why a piece of work has no result."""

    PREEMPTED = "its machine was lost"
    CRASHED = "its process died or ran out of memory"
    RAISED = "it raised an error and would raise it again"


def cause_of(text: str) -> Cause:
    """The cause of an error, from Ray's text or a traceback. Tune has no text for an actor whose
    machine was lost while it started; an error that is raised always has one."""
    readable_text = readable(text)
    if readable_text == _NO_REASON or _PREEMPTED.search(readable_text):
        return Cause.PREEMPTED
    died = _CRASHED.search(readable_text) or _PEER_DIED.search(readable_text)
    return Cause.CRASHED if died else Cause.RAISED


def readable(text: str) -> str:
    """An error's text for a table: without terminal colours, Tune's header and the machine's other
    processes."""
    cleaned = _OTHER_PROCESSES.sub("", _HEADER.sub("", _ANSI.sub("", text))).strip()
    return _NO_REASON if cleaned in ("", "None") else cleaned


class Attempts:
    """Counts the failures of each piece of work and decides whether it is retried.

    A crash is retried `retries` times. A lost machine does not count. An error that the work itself
    raises is never retried.
    """

    def __init__(self, retries: int) -> None:
        self.retries = retries
        self._failures: Counter[tuple[str, Cause]] = Counter()

    def again(self, key: str, text: str) -> bool:
        """Count a failure; returns whether the work is retried."""
        cause = cause_of(text)
        self._failures[key, cause] += 1
        allowed = {Cause.PREEMPTED: _MOST_PREEMPTIONS, Cause.CRASHED: self.retries, Cause.RAISED: 0}
        return self._failures[key, cause] <= allowed[cause]

    def report(self, key: str, text: str) -> str:
        """The error as recorded: the cause, the number of attempts, and the text."""
        count = self._failures[key, cause_of(text)]
        times = f" ({count} times)" if count > 1 else ""
        return f"{cause_of(text).value}{times}:\n{readable(text)}"
