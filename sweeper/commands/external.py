"""The command `python sweep.py test RUN PATH`: a run's champions on an external test set."""

from __future__ import annotations

import argparse
from pathlib import Path

from sweeper.commands.audit import add_settings
from sweeper.commands.output_folder import resolved_path
from sweeper.commands.predict import add_choice
from sweeper.config.load import load_audit_section
from sweeper.config.paths import NAME_RULE, is_folder_name, typed_path
from sweeper.errors import ConfigError, StoreError
from sweeper.exit_codes import DONE
from sweeper.progress import Progress
from sweeper.store.address import name_of
from sweeper.use.finished import read_run

_TEXT = (
    "test the champions of a finished run on images that it has not seen, such as those of another "
    "hospital; adds them to the run's tables and page"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `test`."""
    parser.description = _TEXT
    parser.add_argument("run", type=typed_path, metavar="RUN", help="the run's folder")
    parser.add_argument("path", metavar="PATH", help="the images: anything that data.path may be")
    parser.add_argument("--name", help="of the test set on the page; default: that of PATH")
    add_settings(parser, "about its images: ")
    add_choice(parser)
    parser.set_defaults(work=run_test)


def run_test(options: argparse.Namespace, command: str) -> int:
    """Predict the test set and rebuild the page; returns 0."""
    run = read_run(options.run)
    name = options.name or Path(name_of(resolved_path(options.path))).stem
    if not is_folder_name(name):
        raise ConfigError([f"--name '{name}': {NAME_RULE}"])
    data = load_audit_section(options.path, options.overrides)
    with Progress() as progress:
        with progress.during("load torch"):
            from reports.page import build_page
            from sweeper.results.external import external_lines
            from sweeper.store.store import Store
            from sweeper.use.external import add_test_set, leading_cells
        try:
            store = Store(options.store or run.config.store)
        except StoreError as error:
            raise StoreError(f"{error}; specify the run's store with --store") from None
        cells = [options.cell] if options.cell else leading_cells(run)
        tested = add_test_set(run, store, name, data, cells, progress)
        with progress.during("write tables and page"):
            try:
                page = build_page(run.folder)
            except ValueError as error:  # written by another version
                raise StoreError(
                    f"run '{run.folder}': its tables are not those of this version ({error}); "
                    f"rebuild them with python sweep.py report {run.folder}"
                ) from None
    for line in external_lines(run.folder, name, tested):
        print(line)
    print(f"report: {page}#external")
    return DONE
