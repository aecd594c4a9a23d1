"""However the process that works ends, the one that was started tells how, and both are gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
import os, signal, sys, time
from sweeper.ray.supervisor import supervised
def wait():
    try:
        print(os.getpid(), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        time.sleep(1)  # a second signal ends this with a traceback
        return 130
def work():
    return eval(sys.argv[1])
sys.exit(supervised(work))
"""
GOES_ON = "; finished work is kept; run the same command again to resume\n"


def start(work: str, script: str = SCRIPT, **options: Any) -> subprocess.Popen[str]:
    """A script that works, in a process group of its own, as a shell does it."""
    usual: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "process_group": 0,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    }
    return subprocess.Popen(
        [sys.executable, "-c", script, work],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        **{**usual, **options},
    )


def waiting(**options: Any) -> tuple[subprocess.Popen[str], int]:
    """The process that was started, and the one in it that works."""
    process = start("wait()", **options)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("code", [0, 1, 2, 130])
def test_what_the_work_returns_is_the_exit_code(code: int) -> None:
    process = start(str(code))
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == code


def test_output_that_is_lost_is_no_success() -> None:
    buffered = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        process = start("print('lost') or 0", stdout=full, env=buffered)
        process.communicate(timeout=20)
    assert process.returncode == 120  # Python's own


def test_whoever_ignores_its_children_is_told_all_the_same() -> None:
    process = start("3", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 3


def test_an_error_keeps_its_traceback() -> None:
    process = start("1 / 0")
    said = process.communicate(timeout=20)[1]
    assert said.endswith("ZeroDivisionError: division by zero\n")
    assert "error: the run's process" not in said
    assert process.returncode == 1


def test_an_exit_without_a_word_is_not_taken_for_failed_cells() -> None:
    process = start("os._exit(1)")
    assert process.communicate(timeout=20)[1] == (
        "error: the run's process was ended by Ray, whose raylet died (killed, or this machine is "
        f"out of memory){GOES_ON}"
    )
    assert process.returncode == 2


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (signal.SIGKILL, "was killed (by hand, or because this machine is out of memory)"),
        (signal.SIGSEGV, "crashed (SIGSEGV)"),
    ],
)
def test_a_sudden_death_is_one_line(number: signal.Signals, how: str) -> None:
    process, child = waiting()
    os.kill(child, number)
    assert process.communicate(timeout=20)[1] == f"error: the run's process {how}{GOES_ON}"
    assert process.returncode == 128 + number


def test_an_exit_that_a_signal_asked_for_is_not_explained() -> None:
    process, child = waiting()
    os.kill(child, signal.SIGTERM)
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 128 + signal.SIGTERM


def test_what_was_returned_counts_whatever_happens_as_python_ends() -> None:
    process = start("__import__('atexit').register(os._exit, 1) and 130")
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 130


@pytest.mark.parametrize("everyone", [True, False])
def test_ctrl_c_and_a_signal_to_the_process_interrupt_once(everyone: bool) -> None:
    process, child = waiting()
    if everyone:  # as a terminal does
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("interrupted\n", "")
    assert process.returncode == 130
    assert not psutil.pid_exists(child)


def test_a_second_ctrl_c_is_handed_on_and_is_one_line() -> None:
    process, _ = waiting()
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "interrupted\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "interrupted\n")
    assert process.returncode == 130


def test_an_interrupt_before_the_work_waits_for_it_and_is_one_line() -> None:
    early = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
    early += "os.kill(os.getpid(), signal.SIGINT)\nsys.exit(supervised("
    script = SCRIPT.replace("sys.exit(supervised(", early)
    process = start("time.sleep(10)", script=script)
    assert process.communicate(timeout=20) == ("", "interrupted\n")
    assert process.returncode == 130


def test_an_interrupt_while_the_command_is_imported_is_one_line(tmp_path: Path) -> None:
    """A module that the command imports, and that an interrupt reaches while it is imported."""
    (tmp_path / "pydantic.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    ended = subprocess.run(
        [sys.executable, "sweep.py", "plan", "smoke"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (130, "")
    (line,) = ended.stdout.strip().splitlines()
    assert line.startswith("interrupted; finished work is kept.")
    assert line.endswith("sweep.py plan smoke")


def test_closed_output_is_no_error() -> None:
    process = start("3", preexec_fn=lambda: os.close(1))
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 3


def test_ctrl_z_stops_both_and_they_go_on_together() -> None:
    process, child = waiting()
    both = [psutil.Process(process.pid), psutil.Process(child)]
    process.send_signal(signal.SIGTSTP)
    _wait_for(lambda: all(one.status() == psutil.STATUS_STOPPED for one in both))
    process.send_signal(signal.SIGCONT)
    _wait_for(lambda: all(one.status() == psutil.STATUS_SLEEPING for one in both))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def test_ctrl_z_does_nothing_where_no_shell_could_let_them_go_on() -> None:
    process, _ = waiting(process_group=None, start_new_session=True)
    process.send_signal(signal.SIGTSTP)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("interrupted\n", "")
    assert process.returncode == 130


def test_who_works_does_not_outlive_who_was_started() -> None:
    process, child = waiting()
    process.kill()
    process.wait(20)
    _wait_for(lambda: not psutil.pid_exists(child))


def _wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_process_that_waits_has_imported_nothing_heavy() -> None:
    """What it holds is what sweep.py holds before it forks."""
    heavy = "{'torch', 'ray', 'numpy', 'pydantic', 'sweeper.cli'}"
    code = f"import sys, sweep; print({heavy} & {{*sys.modules}})"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert told.stdout == "set()\n"
