"""End a run early, on signals and on the death of Ray's own processes.

Both raise KeyboardInterrupt in the main thread, so that a run has a single exit path.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil

from sweeper.exit_codes import BY_SIGNAL, INTERRUPTED, USER_ERROR
from sweeper.ray.supervisor import FORWARDED

_WAKE_UP = signal.SIGUSR2  # SIGINT may be ignored, as under nohup, and Tune uses SIGUSR1
_VITAL = ("raylet", "gcs_server")
_CHECK_EVERY_S = 0.25
_AGAIN_AFTER_S = 0.05
_ONE_EVENT_S = 0.5


class _Ending:
    """State of the block of `ending_on_signals`: whether it was signalled, and when the main thread
    was interrupted. That happens once, so that the final writing is not interrupted."""

    signalled = False
    interrupted_s: float | None = None

    @classmethod
    def begin(cls) -> None:
        cls.signalled, cls.interrupted_s = False, None

    @classmethod
    def interrupt(cls) -> None:
        if cls.interrupted_s is None:
            cls.interrupted_s = time.monotonic()
            raise KeyboardInterrupt

    @classmethod
    def is_over(cls) -> bool:
        """Whether a signal that arrives now differs from the one that interrupted the run."""
        began_s = cls.interrupted_s
        return began_s is not None and time.monotonic() - began_s > _ONE_EVENT_S


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """SIGTERM (a spot notice, `kill`) and SIGHUP (a closed terminal) end the block as Ctrl-C does.
    A second signal ends the process at once, and Ray's with it, unless it comes within half a
    second: `timeout` signals twice, and systemd sends SIGHUP after SIGTERM.

    A signal that is ignored as the block begins, as under nohup, stays ignored. Outside of the main
    thread, where no signal arrives, nothing changes.
    """
    if not _in_main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if _Ending.signalled and _Ending.is_over():
            os._exit(BY_SIGNAL + number)
        _Ending.signalled = True
        _Ending.interrupt()

    _Ending.begin()
    with keeping_signal_handlers(), _repeating_lost_interrupts():
        for number in FORWARDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, end)
        yield


@contextmanager
def _repeating_lost_interrupts() -> Iterator[None]:
    """An interrupt raised in a `__del__` or a callback, where Python only prints it, is sent again
    a moment later."""
    printed, handler = sys.unraisablehook, signal.signal(_WAKE_UP, _interrupt)
    timers: list[threading.Timer] = []

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            _Ending.interrupted_s = None
            timers.append(threading.Timer(_AGAIN_AFTER_S, os.kill, (os.getpid(), _WAKE_UP)))
            timers[-1].start()
        else:
            printed(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = printed
        for timer in timers:
            timer.cancel()
        signal.signal(_WAKE_UP, handler)


@contextmanager
def keeping_signal_handlers() -> Iterator[None]:
    """Restores the handlers that the block replaces: ray.init takes SIGTERM for itself."""
    before = {number: signal.getsignal(number) for number in FORWARDED}
    try:
        yield
    finally:
        if _in_main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _Ending.interrupt()


class RayWatch:
    """Watches the raylet and the control store among the processes that were started with Ray.

    When one dies, Ray fails every trial, some 14 s later. The watch interrupts the main thread
    within a second instead; `died` then names the process. It stays silent if a signal has ended
    the run: the same signal may well have ended Ray. One case is left: if this process asks a dead
    raylet for an object, Ray exits at once (`PlasmaClient`, exit code 1).
    """

    def __init__(self, started: Iterable[psutil.Process]) -> None:
        self.died = ""
        self._started = [one for one in started if not _is_dead(one)]  # none of a cluster's
        self._vital = {one.name(): one for one in self._started if one.name() in _VITAL}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> RayWatch:
        if _in_main_thread():
            self._before = signal.signal(_WAKE_UP, _interrupt)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        if _in_main_thread():
            self._thread.join()
            signal.signal(_WAKE_UP, self._before)

    @property
    def is_to_blame(self) -> bool:
        """Whether the run ends because something died, not because of a signal. Python may notice
        a signal later than the watch sees its effect on Ray."""
        return bool(self.died) and not _Ending.signalled

    def end_ray(self) -> None:
        """ray.shutdown. If the raylet is dead, that would hang or crash: then kill Ray's other
        processes and exit Python immediately once the error is reported."""
        import ray  # seconds, which a run without work does not need

        if not self._dead():
            ray.shutdown()
            return
        for one in self._started:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        atexit.unregister(ray.shutdown)
        atexit.register(_leave, USER_ERROR if self.is_to_blame else INTERRUPTED)

    def _watch(self) -> None:
        dead: list[str] = []
        while not self._end.wait(_CHECK_EVERY_S):
            before, dead = dead, self._dead()
            if (
                before and not _Ending.signalled
            ):  # a signal to Ray reaches us too, by the next check
                self.died = dead[0]
                os.kill(os.getpid(), _WAKE_UP)
                return

    def _dead(self) -> list[str]:
        return [name for name, process in self._vital.items() if _is_dead(process)]


def _is_dead(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
