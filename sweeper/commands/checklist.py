"""`python sweep.py report RUN --checklist NAME ...`: fill in reporting checklists from a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from reports.checklists.checklists import names
from sweeper.errors import StoreError
from sweeper.exit_codes import DONE


def add_checklist(report: argparse.ArgumentParser) -> None:
    """Add the option to the command `report`."""
    report.add_argument(
        "--checklist",
        nargs="+",
        choices=names(),
        metavar="NAME",
        help=f"write only these checklists, from the run's tables: {', '.join(names())}",
    )


def write_checklists(folder: Path, chosen: Sequence[str]) -> int:
    """Write each checklist as HTML and Markdown beside the run's page. Raises StoreError for a
    folder without a run, or with tables of another version."""
    from reports.checklists.sheet import fill, write_sheet
    from reports.run import load_run

    try:
        run = load_run(folder)
    except FileNotFoundError:
        raise StoreError(f"run '{folder}': no results/run.json of a run in it") from None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"run '{folder}': its tables are damaged or of another version ({error}); rebuild "
            f"them: python sweep.py report {folder}"
        ) from None
    for name in dict.fromkeys(chosen):
        sheet = fill(run, name)
        try:
            page, text = write_sheet(sheet, folder / "report")
        except OSError as error:
            raise StoreError(
                f"run '{folder}': its report cannot be written to ({error.strerror})"
            ) from None
        print(f"{sheet.checklist.title}: {sheet.counts}\n  page: {page}\n  text: {text}")
    return DONE
