"""Signals end a run in one way, and the second ends it at once."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import ray

from sweeper.ray.interrupts import RayWatch, ending_on_signals, keeping_signal_handlers

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys, time
from sweeper.ray.interrupts import ending_on_signals
class Deaf:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(60)
with ending_on_signals():
    try:
        if "deaf" in sys.argv:
            Deaf()  # what is raised in __del__ is printed, and forgotten
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("told to end", flush=True)
        if "stay" in sys.argv:
            time.sleep(60)
print("left in peace", flush=True)
"""


def _hear() -> None:
    """Whatever the tests were started by, nohup or a background shell, ignores."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(
    *arguments: str, before: Callable[[], object] | None = None
) -> tuple[subprocess.Popen[str], Callable[[], str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=before or _hear,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process, process.stdout.readline


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_ends_the_block_as_ctrl_c_does(number: signal.Signals) -> None:
    process, line = start()
    process.send_signal(number)
    assert line() == "told to end\n"
    assert line() == "left in peace\n"
    assert process.wait(10) == 0


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_at_once(second: signal.Signals) -> None:
    process, line = start("stay")
    process.send_signal(signal.SIGTERM)
    assert line() == "told to end\n"
    time.sleep(0.6)
    process.send_signal(second)
    assert process.wait(10) == 128 + second
    assert line() == ""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGHUP),
        (signal.SIGTERM, signal.SIGUSR2),  # the watch's, of a Ray that the first one ended
        (signal.SIGUSR2, signal.SIGTERM),
    ],
)
def test_what_comes_together_interrupts_once(first: signal.Signals, second: signal.Signals) -> None:
    process, line = start("stay")
    process.send_signal(first)
    assert line() == "told to end\n"
    process.send_signal(second)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_where_nothing_can_be_raised_comes_again(
    number: signal.Signals,
) -> None:
    process, line = start("deaf")
    process.send_signal(number)
    said = [line(), line()]
    assert "told to end\n" in said
    assert process.wait(10) == 0


def test_what_nohup_ignores_stays_ignored() -> None:
    process, line = start(before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert line() == "told to end\n"  # by the second, or the process would have ended at once
    assert process.wait(10) == 0


def test_the_handlers_from_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ending_on_signals():
        ours = signal.getsignal(signal.SIGTERM)
        with keeping_signal_handlers():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGTERM) is ours
    assert signal.getsignal(signal.SIGTERM) is before is not ours


def test_outside_of_the_main_thread_nothing_is_changed() -> None:
    found = []

    def work() -> None:
        with ending_on_signals():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[psutil.Process]]:
    """A process called raylet, as Ray starts one, and another one."""
    programs = [shutil.copy(shutil.which("sleep") or "", tmp_path / name) for name in NAMES]
    started = [subprocess.Popen([program, "60"]) for program in programs]
    yield [psutil.Process(process.pid) for process in started]
    for process in started:
        process.kill()
        process.wait()


NAMES = ("raylet", "dashboard")


def test_a_dead_raylet_interrupts_the_run_within_a_second(processes: list[psutil.Process]) -> None:
    watch = RayWatch(processes)
    with ending_on_signals(), watch:
        processes[0].kill()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)
    assert (watch.died, watch.is_to_blame) == ("raylet", True)


def test_the_death_of_another_process_does_not_end_the_run(
    processes: list[psutil.Process],
) -> None:
    with ending_on_signals(), RayWatch(processes) as watch:
        processes[1].kill()
        time.sleep(1)
    assert not watch.died


def test_without_its_raylet_the_rest_of_ray_is_killed(
    processes: list[psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "shutdown", lambda: pytest.fail("ray.shutdown would hang"))
    monkeypatch.setattr("atexit.register", lambda *_: None)
    watch = RayWatch(processes)
    processes[0].kill()
    processes[0].wait(5)
    watch.end_ray()
    assert processes[1].wait(5) is not None


def test_a_ray_that_lives_is_shut_down_by_itself(
    processes: list[psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    monkeypatch.setattr(ray, "shutdown", lambda: called.append("shutdown"))
    RayWatch(processes).end_ray()
    assert called == ["shutdown"]
    assert all(process.is_running() for process in processes)
