"""The environment of a command: encodings, output, names, interpreters.

Characters that a terminal or a job's log cannot encode are escaped. Names that are not Unicode are
refused before any work, as the run's files, Ray and Arrow support Unicode names only.
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


def escape_unencodable() -> None:
    """Escape characters that standard output and error cannot encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_reader() -> bool:
    """Whether the output still has a reader; if not, as after `| head`, silence it."""
    poll = select.poll()
    poll.register(_STDOUT, 0)
    is_open = not any(event & select.POLLERR for _, event in poll.poll(0))
    if not is_open:
        _silence_output()
    return is_open


def flush_output() -> None:
    """Flush standard output. Raises OSError if it cannot be written."""
    if sys.stdout:  # None if it is closed
        sys.stdout.flush()


def output_problem() -> str:
    """Why standard output cannot be written, such as a full disk, or "".

    Writes a line break as a test; if that fails, silences the output.
    """
    try:
        flush_output()
        os.write(_STDOUT, b"\n")
    except OSError as error:
        _silence_output()
        return error.strerror or "unknown reason"
    return ""


def _silence_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)


def refuse_non_unicode_names(arguments: Sequence[str]) -> None:
    """Raise ConfigError for arguments or a working directory that are not Unicode."""
    names = [*arguments, _working_directory()]
    invalid = [name for name in names if not is_unicode(name)]
    if invalid:
        raise ConfigError(
            [
                f"'{shown(name)}': a name that is not UTF-8; rename it, or create a link with a "
                "UTF-8 name (ln -s)"
                for name in invalid
            ]
        )


def refuse_empty_arguments(arguments: Sequence[str]) -> None:
    """Raise ConfigError for an empty argument, since an empty path means the working directory.

    Such as `"$OUT"` in a shell without that variable.
    """
    for before, given in zip(["", *arguments], arguments, strict=False):
        option = _OPTION.fullmatch(given.rstrip())
        if option and given.rstrip().endswith("="):
            name = option[1]
        elif not given.strip():
            name = before if _OPTION.fullmatch(before) else "an argument"
        else:
            continue
        raise ConfigError([f"{name} '': empty; write a value, or omit it"])


def is_unicode(name: str) -> bool:
    """Whether the bytes of a name are UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(name: str) -> str:
    """A name with bytes that are not UTF-8 escaped, such as \\xfc."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shell_command(arguments: Sequence[str]) -> str:
    """A shell command that runs these arguments with the current interpreter."""
    script = sys.argv[0] if sys.argv[0].endswith("sweep.py") else "sweep.py"
    return shlex.join([_interpreter(), script, *arguments])


def _interpreter() -> str:
    """The interpreter: relative if below the working directory, its name alone if in `PATH`."""
    current = Path(_working_directory())
    executable = Path(sys.executable or "python")
    if executable.is_relative_to(current):
        return str(executable.relative_to(current))
    for folder in os.get_exec_path():
        for name in ("python", "python3"):
            found = Path(folder, name)
            if found.exists():
                return name if found == executable else str(executable)
    return str(executable)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise ConfigError(["the working directory was deleted; change to another one"]) from None
