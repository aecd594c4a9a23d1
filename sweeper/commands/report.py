"""The command `python sweep.py report RUN`: rebuild tables and page of a run from the store."""

from __future__ import annotations

import argparse

from sweeper.commands.checklist import add_checklist, write_checklists
from sweeper.commands.run import conclude, make_writable
from sweeper.config.paths import typed_path
from sweeper.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `report`."""
    parser.add_argument("run", type=typed_path, help="the run's folder")
    add_checklist(parser)
    parser.set_defaults(work=report)


def report(options: argparse.Namespace, command: str) -> int:
    """Rebuild tables and page, or write checklists only; returns 0, or 1 if some cells failed."""
    if options.checklist:
        return write_checklists(options.run, options.checklist)
    from sweeper.use.finished import read_run

    run = read_run(options.run)
    make_writable(run.folder)
    with Progress() as progress:
        with progress.during("start"):
            from sweeper.run.pipeline import rebuild_report
        outcome = rebuild_report(run, run.command or command, progress)
    return conclude(outcome.cells, run.folder)
