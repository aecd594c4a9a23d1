"""A process that waits for the one that works, and tells how it ended where that one cannot.

Nobody can tell of their own death: killed by the system when memory runs out, crashed, or ended by
Ray, which leaves by `_exit(1)` where it asks a dead raylet for an object. To whoever called the
command, 1 would mean that some cells have failed.

Of the standard library only: the process that waits takes 10 MB and holds nothing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ECHO_WITHIN_S = 0.5
_BY_RAY = 1  # exit code
_ENDED_EARLY = 2  # exit code
_ON_PURPOSE = (*HANDED_ON, signal.SIGPIPE, signal.SIGQUIT)  # whoever sent it knows
_SHOW_CURSOR = "\x1b[?25h"


def supervised(work: Callable[[], int]) -> int:
    """Do `work` in a child of this process; the exit code that it returned or ended with.

    An end that comes over the child is told in one line: exit code 2 where it was Ray's doing, 128
    + n where it was signal n. Signals are handed on to the child, and it does not outlive this
    process. Both processes return from here, the child with what `work` returned. Where a process
    cannot fork, `work` is done in it.
    """
    if not hasattr(os, "fork"):
        return work()
    life, held = os.pipe()
    told, word = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDED_ON)
    child = os.fork()
    if child == 0:
        os.close(held)
        _end_with(life)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, without_echo(signal.default_int_handler))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            return work()
        finally:
            os.write(word, b".")
    _hand_on(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _conclude(code, _has_spoken(told))


Handler = Callable[[int, FrameType | None], None]


def without_echo(handler: Handler) -> Handler:
    """A handler that takes for one what comes twice within half a second: Ctrl-C and a closed
    terminal tell both processes, and the one tells the other."""
    last: dict[int, float] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - last.get(number, -ECHO_WITHIN_S) >= ECHO_WITHIN_S:
            last[number] = now
            handler(number, frame)

    return handle


def _end_with(life: int) -> None:
    """End this process as soon as nobody holds the other end of the pipe any more."""

    def wait() -> None:
        os.read(life, 1)
        os._exit(128 + signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def _hand_on(child: int) -> None:
    def hand_on(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)  # it is there, or a zombie, until it was waited for

    for number in HANDED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: the child's is too
            signal.signal(number, hand_on)


def _has_spoken(told: int) -> bool:
    os.set_blocking(told, False)  # a grandchild may hold the other end still
    try:
        return bool(os.read(told, 1))
    except BlockingIOError:
        return False


def _conclude(code: int, has_spoken: bool) -> int:
    """The exit code, once the child's end was told."""
    how = ""
    if code < 0 and -code not in _ON_PURPOSE:
        how = _of_signal(signal.Signals(-code))
    elif code == _BY_RAY and not has_spoken:
        how = "was ended by Ray, whose raylet died (killed, or this machine is out of memory)"
    if how:
        if sys.stdout.isatty():
            print(_SHOW_CURSOR, end="", flush=True)  # the progress panel had hidden it
        print(
            f"error: the run's process {how}; what is finished is kept, and the same command goes "
            "on from there",
            file=sys.stderr,
        )
    if code < 0:
        return 128 - code
    return _ENDED_EARLY if how else code


def _of_signal(number: signal.Signals) -> str:
    if number is signal.SIGKILL:
        return "was killed (by hand, or because this machine is out of memory)"
    return f"crashed ({number.name})"
