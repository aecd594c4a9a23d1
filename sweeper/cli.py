"""The command line; `python sweep.py --help` lists its commands.

The pipeline, and with it torch and Ray, is imported only by the commands that need it, so that
errors in the command line are reported within a second.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from datasets.errors import DataError
from sweeper.budget.duration import parse_duration
from sweeper.commands.audit import add_audit
from sweeper.commands.check_table import add_check_table
from sweeper.commands.checklist import add_checklist, write_checklists
from sweeper.commands.compare import add_compare
from sweeper.commands.export import add_export
from sweeper.commands.external import add_test
from sweeper.commands.output_folder import run_folder
from sweeper.commands.plan import add_plan_arguments, plan_run
from sweeper.commands.predict import add_predict
from sweeper.commands.store import add_store
from sweeper.config.load import load_chosen_config
from sweeper.config.paths import typed_path
from sweeper.config.schema import Config
from sweeper.errors import ConfigError, DamagedError, ResourceError, StoreError, one_line
from sweeper.exit_codes import BY_SIGNAL, DONE, INTERRUPTED, SOME_FAILED, USER_ERROR
from sweeper.progress import Progress
from sweeper.terminal import (
    escape_unencodable,
    flush_output,
    has_reader,
    output_problem,
    refuse_empty_arguments,
    refuse_non_unicode_names,
    shell_command,
)
from sweeper.use.finished import read_run
from trainables.registry import WeightsError

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
        return _parser().parse_args(given)
    except SystemExit:  # help or an error has been printed
        flush_output()
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sweep.py",
        description="Run, explain and report a grid of image classifiers.",
        epilog="Without arguments and with SWEEP_CONFIG set, as on a cluster: run that config.",
    )
    preset = os.environ.get("SWEEP_SET", "").split()  # a cluster's store and images
    default = _run if "SWEEP_CONFIG" in os.environ else partial(_help, parser)
    parser.set_defaults(work=default, config=None, overrides=preset, out=None, budget=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, work, text in (
        ("run", _run, "run the missing cells of a grid and write its report"),
        ("plan", plan_run, "show cells, trials, progress and remaining cost; run nothing"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "config",
            metavar="CONFIG",
            nargs="?",
            help="a file or a shipped name; default: SWEEP_CONFIG, else default if data.path is "
            "set, else demo",
        )
        command.add_argument(
            "--set", dest="overrides", action="append", default=preset, metavar="key.path=value"
        )
        command.add_argument(
            "--out", type=typed_path, help="the run's folder; default: runs/<name>"
        )
        command.add_argument(
            "--budget",
            type=parse_duration,
            metavar="TIME",
            help="leave out what does not fit into this time: 30m, 2h, 1h30m",
        )
        command.set_defaults(work=work)
        if name == "plan":
            add_plan_arguments(command)
    report = commands.add_parser("report", help="rebuild tables and page of a run from the store")
    report.add_argument("run", type=typed_path, help="the run's folder")
    add_checklist(report)
    report.set_defaults(work=_report)
    add_audit(commands)
    add_compare(commands)
    add_check_table(commands)
    add_store(commands)
    add_predict(commands)
    add_test(commands)
    add_export(commands)
    return parser


def _help(parser: argparse.ArgumentParser, options: argparse.Namespace, command: str) -> int:
    print(parser.format_help(), end="")  # print_help hides write errors
    return DONE


def _run(options: argparse.Namespace, command: str) -> int:
    config = load_chosen_config(options.config, options.overrides)
    out = _writable(run_folder(config, options.out))
    with Progress() as progress:
        with progress.during("load torch and Ray"):
            from sweeper.results.stale import champions_in, stale
            from sweeper.run.pipeline import run_sweep
        kept: dict[str, Any] = {}
        if options.budget:
            config, kept = _within_budget(config, options.budget, out, progress)
        before = champions_in(out)
        outcome = run_sweep(config, out, command, progress, kept)
    return _conclude(outcome.cells, out, stale(out, before))


def _within_budget(
    config: Config, budget_s: float, out: Path, progress: Progress
) -> tuple[Config, dict[str, Any]]:
    """The configuration without what does not fit, and the entry of run.json that says so."""
    from sweeper.budget.decision import decide, keep

    decision, _ = decide(config, budget_s, out, progress)
    keep(decision, out)
    progress.skip("budget", decision.text)
    return decision.applied_to(config), {"budget": decision.about}


def _report(options: argparse.Namespace, command: str) -> int:
    if options.checklist:
        return write_checklists(options.run, options.checklist)
    run = read_run(options.run)
    _writable(run.folder)
    with Progress() as progress:
        with progress.during("load torch and Ray"):
            from sweeper.run.pipeline import rebuild_report
        outcome = rebuild_report(run, run.command or command, progress)
    return _conclude(outcome.cells, run.folder)


def _conclude(cells: Counter[str], out: Path, warnings: Iterable[str] = ()) -> int:
    from sweeper.results.conclusion import conclusion

    print(f"{cells['done']} of {cells.total()} cells done{_others(cells)}")
    for line in (*conclusion(out), *(f"warning: {text}" for text in warnings)):
        print(line)
    print(f"report: {out / 'report' / 'index.html'}")
    return DONE if set(cells) <= {"done"} else SOME_FAILED


def _others(cells: Counter[str]) -> str:
    others = [f"{cells[state]} {state}" for state in ("failed", "missing") if cells[state]]
    return f", {', '.join(others)}" if others else ""


def _writable(out: Path) -> Path:
    try:
        (out / "results").mkdir(parents=True, exist_ok=True)
        probe = out / "results" / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(f"--out '{out}': cannot be written to ({error.strerror})") from None
    return out
