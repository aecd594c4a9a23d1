"""How a run ends before its end: signals, and the death of Ray's own processes.

All of them raise KeyboardInterrupt in the main thread, so that there is one way out.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import ray

from sweeper.exit_codes import BY_SIGNAL, INTERRUPTED, USER_ERROR
from sweeper.ray.supervisor import HANDED_ON

_TELLING = signal.SIGUSR2  # SIGINT may be ignored, as nohup's shells do, and Tune has SIGUSR1
_VITAL = ("raylet", "gcs_server")
_LOOK_EVERY_S = 0.25
_AGAIN_AFTER_S = 0.05
_ONE_EVENT_S = 0.5


class _Ending:
    """Of the block of `ending_on_signals`: whether a signal has told it to end, and whether the
    main thread is interrupted, which it is once: what is written on the way out is not."""

    told = False
    interrupted_s: float | None = None

    @classmethod
    def begin(cls) -> None:
        cls.told, cls.interrupted_s = False, None

    @classmethod
    def interrupt(cls) -> None:
        if cls.interrupted_s is None:
            cls.interrupted_s = time.monotonic()
            raise KeyboardInterrupt

    @classmethod
    def is_over(cls) -> bool:
        """Whether a signal that comes now is another one than that which interrupted."""
        began_s = cls.interrupted_s
        return began_s is not None and time.monotonic() - began_s > _ONE_EVENT_S


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """SIGTERM (a spot notice, `kill`) and SIGHUP (a closed terminal) end the block as Ctrl-C does;
    a second signal, after half a second, ends the process at once, and Ray's with it. Sooner it is
    the same event: `timeout` signals twice, and systemd sends SIGHUP after SIGTERM.

    A signal that is ignored as the block begins, as nohup does, stays so. Outside of the main
    thread, where no signal arrives, nothing is changed.
    """
    if not _in_main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if _Ending.told and _Ending.is_over():
            os._exit(BY_SIGNAL + number)
        _Ending.told = True
        _Ending.interrupt()

    _Ending.begin()
    with keeping_signal_handlers(), _none_lost():
        for number in HANDED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, end)
        yield


@contextmanager
def _none_lost() -> Iterator[None]:
    """An interrupt that comes while Python is where it can raise nothing (a `__del__`, a callback),
    and is only printed there, comes again a moment later."""
    printed, handler = sys.unraisablehook, signal.signal(_TELLING, _interrupt)
    timers: list[threading.Timer] = []

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            _Ending.interrupted_s = None
            timers.append(threading.Timer(_AGAIN_AFTER_S, os.kill, (os.getpid(), _TELLING)))
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
        signal.signal(_TELLING, handler)


@contextmanager
def keeping_signal_handlers() -> Iterator[None]:
    """Puts the handlers back that the block replaces: ray.init takes SIGTERM for itself."""
    before = {number: signal.getsignal(number) for number in HANDED_ON}
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
    """Watches the raylet and the control store that this process started.

    Where one dies, Ray itself tells after some 14 s, by failing every trial. The watch interrupts
    the main thread within a second instead; `died` then says what did. It says nothing where a
    signal has told the run to end: the same one may well have ended Ray. What cannot be helped:
    where this process asks a dead raylet for an object, Ray ends it (`PlasmaClient`, exit code 1).
    """

    def __init__(self) -> None:
        self.died = ""
        self._node: Any = ray._private.worker._global_node
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> RayWatch:
        if _in_main_thread():
            self._before = signal.signal(_TELLING, _interrupt)
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        if _in_main_thread():
            self._thread.join()
            signal.signal(_TELLING, self._before)

    @property
    def is_to_blame(self) -> bool:
        """Whether the run ends because something died. Of a signal Python may hear later than the
        watch sees what it did to Ray: then it was the signal all the same."""
        return bool(self.died) and not _Ending.told

    def end_ray(self) -> None:
        """ray.shutdown; but that would hang or crash the process where the raylet is dead: then end
        Ray's other processes, and leave Python by the shortest way once everything is told."""
        if not self._dead():
            ray.shutdown()
            return
        self._node.kill_all_processes(check_alive=False, allow_graceful=False)
        atexit.unregister(ray.shutdown)
        atexit.register(_leave, USER_ERROR if self.is_to_blame else INTERRUPTED)

    def _look(self) -> None:
        dead: list[str] = []
        while not self._end.wait(_LOOK_EVERY_S):
            before, dead = dead, self._dead()
            if before and not _Ending.told:  # who told Ray tells us, mostly by the next look
                self.died = dead[0]
                os.kill(os.getpid(), _TELLING)
                return

    def _dead(self) -> list[str]:
        if self._node is None:  # a cluster's, where nothing vital is this process's child
            return []
        return [name for name, _ in self._node.dead_processes() if name in _VITAL]
