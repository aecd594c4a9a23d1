"""The command and its surroundings: encodings, output, names, interpreters.

Whatever a terminal or a job's log cannot write is written as an escape, and a name that is not
Unicode is refused before any work: files of the run, Ray and Arrow know Unicode names only.
"""

from __future__ import annotations

import io
import os
import re
import select
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import ConfigError

_STDOUT = 1  # file descriptor
_OPTION = re.compile(r"(--[\w-]+)=?")


def write_anything() -> None:
    """Let standard output and error take every letter, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_read() -> bool:
    """Whether anybody reads what is printed; where they have left, as `| head` does, nothing more
    is printed."""
    look = select.poll()
    look.register(_STDOUT, 0)
    has_reader = not any(event & select.POLLERR for _, event in look.poll(0))
    if not has_reader:
        _print_no_more()
    return has_reader


def flush_output() -> None:
    """Write what is printed and still held back. Raises OSError where it cannot be written."""
    if sys.stdout:  # None where it is closed
        sys.stdout.flush()


def lost_output() -> str:
    """Why nothing can be written to standard output, such as a full disk, and then nothing more is
    printed; "" where a line break, which this writes, can be."""
    try:
        flush_output()
        os.write(_STDOUT, b"\n")
    except OSError as error:
        _print_no_more()
        return error.strerror or "unknown reason"
    return ""


def _print_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def refuse_names_that_are_not_unicode(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument or a working directory that is not Unicode."""
    names = [*arguments, _working_directory()]
    odd = [name for name in names if not is_unicode(name)]
    if odd:
        raise ConfigError(
            [
                f"'{shown(name)}': a name that is not UTF-8; rename it, or link to it under a name "
                "that is (ln -s)"
                for name in odd
            ]
        )


def refuse_empty_arguments(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument that holds nothing, such as `"$OUT"` of a shell that has
    no such variable: an empty path would be the working directory."""
    for before, given in zip(["", *arguments], arguments, strict=False):
        option = _OPTION.fullmatch(given.rstrip())
        if option and given.rstrip().endswith("="):
            name = option[1]
        elif not given.strip():
            name = before if _OPTION.fullmatch(before) else "an argument"
        else:
            continue
        raise ConfigError([f"{name} '': empty; write a value, or leave it out"])


def is_unicode(name: str) -> bool:
    """Whether the bytes of a name are UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name with the bytes that are not UTF-8 written out, such as \\xfc."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def as_pasted(arguments: Sequence[str]) -> str:
    """The command with these arguments, as a shell takes it: by the interpreter that runs now."""
    script = sys.argv[0] if sys.argv[0].endswith("sweep.py") else "sweep.py"
    return shlex.join([_interpreter(), script, *arguments])


def _interpreter() -> str:
    """From the working directory where it lies below, by its name where that is what `PATH` has."""
    here = Path(_working_directory())
    used = Path(sys.executable or "python")
    if used.is_relative_to(here):
        return str(used.relative_to(here))
    for folder in os.get_exec_path():
        for name in ("python", "python3"):
            found = Path(folder, name)
            if found.exists():
                return name if found == used else str(used)
    return str(used)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise ConfigError(["the working directory is gone; go to another one"]) from None
