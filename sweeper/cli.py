"""The command line; `python sweep.py --help` lists its commands.

Only the command that is asked for is imported, and torch and Ray only once they are needed, so that
help is there at once and errors in the command line within a second.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from os import environ

from datasets.errors import DataError
from sweeper.errors import ConfigError, DamagedError, ResourceError, StoreError, one_line
from sweeper.exit_codes import BY_SIGNAL, DONE, INTERRUPTED, USER_ERROR
from sweeper.terminal import (
    escape_unencodable,
    flush_output,
    has_reader,
    output_problem,
    refuse_empty_arguments,
    refuse_non_unicode_names,
    shell_command,
)
from trainables.registry import WeightsError

_COMMANDS = {  # the module in `sweeper.commands` with its arguments, and a line about it
    "run": ("run", "run the missing cells of a grid and write its report"),
    "plan": ("plan", "show cells, trials, progress and remaining cost; run nothing"),
    "report": ("report", "rebuild tables and page of a run from the store"),
    "audit": ("audit", "find problems in a folder of images"),
    "compare": ("compare", "compare finished runs"),
    "check-table": ("check_table", "find impossible numbers in a published table"),
    "store": ("store", "list, verify or prune the contents of a store"),
    "predict": ("predict", "predict class probabilities of new images"),
    "test": ("external", "test a run's champions on an external test set"),
    "export": ("export", "export a champion as safetensors and ONNX"),
}
_NO_READER = BY_SIGNAL + signal.SIGPIPE
_USER_ERRORS = (DamagedError, DataError, ResourceError, StoreError, WeightsError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code.

    0: all cells done (audit: clean), 1: some failed (audit: findings), 2: user error, 130:
    interrupted, 141: the output has no reader.
    """
    escape_unencodable()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        refuse_non_unicode_names(given)
        refuse_empty_arguments(given)
        options = _parsed(given)
        code = int(options.work(options, shlex.join(["python", "sweep.py", *given])))
        flush_output()
        return code if has_reader() else _NO_READER
    except ConfigError as error:
        return _print_errors(*error.lines)
    except _USER_ERRORS as error:
        return _print_errors(str(error))
    except OSError:
        if not has_reader():
            return _NO_READER
        if reason := output_problem():
            return _print_errors(f"standard output cannot be written ({reason})")
        raise
    except KeyboardInterrupt:
        resume = shell_command(given)
        print(f"\ninterrupted; finished work is kept. To continue, run again: {resume}", flush=True)
        return INTERRUPTED


def _print_errors(*lines: str) -> int:
    with suppress(OSError):  # standard error cannot be written
        for line in lines:
            print(f"error: {one_line(line)}", file=sys.stderr)
    return USER_ERROR


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    try:
        return _parser(given).parse_args(given)
    except SystemExit:  # help or an error has been printed
        flush_output()
        raise


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a command line, with the arguments of the command that it names."""
    parser = argparse.ArgumentParser(
        prog="sweep.py",
        description="Run, explain and report a grid of image classifiers.",
        epilog="Without arguments and with SWEEP_CONFIG set, as on a cluster: run that config.",
    )
    parser.set_defaults(work=partial(_help, parser))
    if "SWEEP_CONFIG" in environ:
        from sweeper.commands.run import preset_overrides, run

        own = preset_overrides()
        parser.set_defaults(work=run, config=None, overrides=own, out=None, budget=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (module, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        if name in given[:1]:
            import_module(f"sweeper.commands.{module}").add_arguments(command)
    return parser


def _help(parser: argparse.ArgumentParser, options: argparse.Namespace, command: str) -> int:
    print(parser.format_help(), end="")  # print_help hides write errors
    return DONE
