"""A process that waits for the one that works, and tells how it ended where that one cannot.

Nobody can tell of their own death: killed by the system when memory runs out, crashed, or ended by
Ray, which leaves by `_exit(1)` where it asks a dead raylet for an object. To whoever called the
command, 1 would mean that some cells have failed.

The one that works leads a process group, its Ray in it: what a terminal, `kill %1` or `timeout`
sends to everybody comes to the one that waits, is handed on once, and leaves Ray alive for the end.

Of the standard library only: the process that waits takes 11 MB and holds nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from sweeper.exit_codes import BY_SIGNAL, INTERRUPTED, USER_ERROR

HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GOES_ON = "what is finished is kept, and the same command goes on from there"
_OF_RAY = 1  # exit code, where it finds its raylet dead
_OF_BACKGROUND = (signal.SIGTTOU, signal.SIGTTIN)  # a terminal stops who writes or reads
_ON_PURPOSE = (*HANDED_ON, signal.SIGPIPE, signal.SIGQUIT)  # whoever sent it knows
_RAISED = "raised"
_SHOW_CURSOR = "\x1b[?25h"


def supervised(work: Callable[[], int]) -> int:
    """Do `work` in a child of this process; the exit code that it returned or ended with.

    An end that comes over the child is told in one line: exit code 2 where it was Ray's doing, 128
    + n where it was signal n. Signals are handed on to the child, which stops and goes on with
    this process, and does not outlive it. Both processes return from here, the child with what
    `work` returned, or 130 where an interrupt ended it. Signals that whoever calls this has blocked
    arrive in the block that answers them.
    """
    life, held = os.pipe()
    told, word = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON) - {*HANDED_ON}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it is not told of its children
    child = os.fork()
    if child == 0:
        os.close(held)
        os.close(told)
        os.setpgid(0, 0)
        for number in _OF_BACKGROUND:
            signal.signal(number, signal.SIG_IGN)
        _end_with(life)
        return _telling(work, word, mask)
    os.close(life)
    os.close(word)
    with suppress(PermissionError, ProcessLookupError):  # it has done so itself, and gone on
        os.setpgid(child, child)
    with _handing_on(child):
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = os.waitpid(child, 0)[1]
    return _conclude(os.waitstatus_to_exitcode(status), _heard(told))


def _telling(work: Callable[[], int], word: int, mask: set[int]) -> int:
    """What `work` returns under this signal mask, told as well: Ray may spoil the exit code as
    Python ends. Not told where what it printed is lost: then Python's own code stands."""
    said = _RAISED
    try:
        code = _interruptible(work, mask)
        with suppress(OSError):
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()
            said = str(code)
        return code
    finally:
        os.write(word, said.encode())


def _interruptible(work: Callable[[], int], mask: set[int]) -> int:
    """What `work` returns; 130 where an interrupt comes that it does not answer itself: while it
    imports, or the second one, while it answers the first."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return work()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _end_with(life: int) -> None:
    """End this process as soon as nobody holds the other end of the pipe any more."""

    def wait() -> None:
        os.read(life, 1)
        os._exit(BY_SIGNAL + signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _handing_on(child: int) -> Iterator[None]:
    """Hands signals on to the child and, for Ctrl-Z, to its group; none of them ends this process,
    in the block or after it."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    def stop(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGSTOP)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # stops here, where there is a shell to let it go on
            signal.signal(number, stop)
            os.killpg(child, signal.SIGCONT)

    handlers = {**dict.fromkeys(HANDED_ON, hand_on), signal.SIGTSTP: stop}
    for number, handler in handlers.items():
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: the child's is too
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number in HANDED_ON:
            signal.signal(number, signal.SIG_IGN)


def _heard(told: int) -> str:
    """What the child has said of itself: an exit code, that it raised, or "" where it could not."""
    os.set_blocking(told, False)  # what the child has forked may hold the other end still
    try:
        return os.read(told, 100).decode()
    except BlockingIOError:
        return ""


def _conclude(code: int, said: str) -> int:
    """The exit code, once an end that nobody has told yet is told."""
    if said and said != _RAISED:
        return int(said)
    if not said and sys.stdout and sys.stdout.isatty():
        print(_SHOW_CURSOR, end="", flush=True)  # the progress panel had hidden it
    how = ""
    if code < 0 and -code not in _ON_PURPOSE:
        how = _of_signal(signal.Signals(-code))
    elif code == _OF_RAY and not said:
        how = "was ended by Ray, whose raylet died (killed, or this machine is out of memory)"
    if how:
        print(f"error: the run's process {how}; {GOES_ON}", file=sys.stderr)
    if code < 0:
        return BY_SIGNAL - code
    return USER_ERROR if how else code


def _of_signal(number: signal.Signals) -> str:
    if number is signal.SIGKILL:
        return "was killed (by hand, or because this machine is out of memory)"
    return f"crashed ({number.name})"
