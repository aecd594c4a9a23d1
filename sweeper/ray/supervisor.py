"""Supervise the working process, and report how it ended if it cannot do so itself.

No process can report its own death: killed by the system when memory runs out, crashed, or ended by
Ray, which calls `_exit(1)` when it asks a dead raylet for an object. To the caller of the command,
exit code 1 would mean that some cells have failed.

The working process leads a process group with its Ray in it. What a terminal, `kill %1` or
`timeout` sends to a whole group therefore reaches the waiting process alone, which forwards it
once; Ray stays alive for an orderly end.

Standard library only: the waiting process takes 11 MB.
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

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RESUME_HINT = "finished work is kept; run the same command again to resume"
_RAYLET_DEAD = 1  # exit code of a driver whose raylet is dead
_BACKGROUND_STOPS = (signal.SIGTTOU, signal.SIGTTIN)  # stop a background process at a terminal
_DELIBERATE = (*FORWARDED, signal.SIGPIPE, signal.SIGQUIT)  # needs no explanation
_RAISED = "raised"
_SHOW_CURSOR = "\x1b[?25h"


def supervised(work: Callable[[], int]) -> int:
    """Do `work` in a child of this process; the exit code that it returned or ended with.

    If the child dies, one line says why: exit code 2 if Ray ended it, 128 + n if signal n did.
    Signals are forwarded to the child, which stops and continues with this process and does not
    outlive it. Both processes return from here, the child with what `work` returned, or 130 if an
    interrupt ended it. Signals that the caller has blocked arrive inside the block that handles
    them.
    """
    alive_r, alive_w = os.pipe()
    report_r, report_w = os.pipe()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED) - {*FORWARDED}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, children could not be waited for
    child = os.fork()
    if child == 0:
        os.close(alive_w)
        os.close(report_r)
        os.setpgid(0, 0)
        for number in _BACKGROUND_STOPS:
            signal.signal(number, signal.SIG_IGN)
        _exit_when_closed(alive_r)
        return _work_and_report(work, report_w, mask)
    os.close(alive_r)
    os.close(report_w)
    with suppress(PermissionError, ProcessLookupError):  # the child was faster
        os.setpgid(child, child)
    with _forwarding_signals(child):
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = os.waitpid(child, 0)[1]
    return _conclude(os.waitstatus_to_exitcode(status), _read_report(report_r))


def _work_and_report(work: Callable[[], int], report_w: int, mask: set[int]) -> int:
    """What `work` returns under this signal mask, also written to the pipe: Ray may change the exit
    code as Python ends. Not written if the output cannot be: then Python's own code stands."""
    report = _RAISED
    try:
        code = _interruptible(work, mask)
        with suppress(OSError):
            if sys.stdout:  # None if it is closed
                sys.stdout.flush()
            report = str(code)
        return code
    finally:
        os.write(report_w, report.encode())


def _interruptible(work: Callable[[], int], mask: set[int]) -> int:
    """What `work` returns; 130 for an interrupt that it does not handle: during its imports, or a
    second one while it handles the first."""
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return work()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _exit_when_closed(alive_r: int) -> None:
    """End this process as soon as the other end of the pipe is closed everywhere."""

    def wait() -> None:
        os.read(alive_r, 1)
        os._exit(BY_SIGNAL + signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _forwarding_signals(child: int) -> Iterator[None]:
    """Forwards signals to the child, Ctrl-Z to its whole group; none of them ends this process, in
    the block or after it."""

    def forward(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    def stop(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGSTOP)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # stops here until a shell continues it
            signal.signal(number, stop)
            os.killpg(child, signal.SIGCONT)

    handlers = {**dict.fromkeys(FORWARDED, forward), signal.SIGTSTP: stop}
    for number, handler in handlers.items():
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, for the child too
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_IGN)


def _read_report(report_r: int) -> str:
    """The child's report: an exit code, that it raised, or "" if it died before."""
    os.set_blocking(report_r, False)  # the child's own children may still hold the other end
    try:
        return os.read(report_r, 100).decode()
    except BlockingIOError:
        return ""


def _conclude(code: int, report: str) -> int:
    """The exit code; prints why the child ended if it could not."""
    if report and report != _RAISED:
        return int(report)
    if not report and sys.stdout and sys.stdout.isatty():
        print(_SHOW_CURSOR, end="", flush=True)  # the progress panel hides it
    how = ""
    if code < 0 and -code not in _DELIBERATE:
        how = _killed_by(signal.Signals(-code))
    elif code == _RAYLET_DEAD and not report:
        how = "was ended by Ray, whose raylet died (killed, or this machine is out of memory)"
    if how:
        print(f"error: the run's process {how}; {RESUME_HINT}", file=sys.stderr)
    if code < 0:
        return BY_SIGNAL - code
    return USER_ERROR if how else code


def _killed_by(number: signal.Signals) -> str:
    if number is signal.SIGKILL:
        return "was killed (by hand, or because this machine is out of memory)"
    return f"crashed ({number.name})"
