"""The command `python sweep.py compare RUN RUN ...`: what differs, and whether it helps."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.config.paths import typed_path
from sweeper.errors import StoreError

if TYPE_CHECKING:
    from reports.compare.groups import NamedRun

COMPARED, NOTHING_MATCHES = 0, 1
_TEXT = (
    "compare finished runs: settings and images that differ, and the test accuracy and metric "
    "of matched cells, paired where test images are common; runs that differ in seeds only are "
    "grouped as repeats; exit code 0: compared, 1: no cells match, 2: user error"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `compare`."""
    parser.description = _TEXT
    parser.add_argument(
        "runs",
        type=typed_path,
        nargs="+",
        metavar="RUN",
        help="folders of two or more runs; the first is the reference",
    )
    parser.add_argument(
        "--out",
        type=typed_path,
        help="the folder for page and tables; default: runs/compare-<first>-<second>",
    )
    parser.set_defaults(work=compare_runs)


def compare_runs(options: argparse.Namespace, command: str) -> int:
    """Write page and tables and print the comparison; returns 0, or 1 if no cells match."""
    folders = _distinct(options.runs)
    out = options.out or Path("runs", f"compare-{folders[0].name}-{folders[1].name}")
    _writable(out)
    from reports.compare.by_metric import shared_metric
    from reports.compare.groups import grouped
    from reports.compare.matched import difference_rows
    from reports.compare.merge import merged
    from reports.compare.page import comparison_of, lines, write_about, write_page
    from reports.compare.settings import setting_rows
    from reports.tables import write_table

    groups = grouped(_read(folders))
    metric = shared_metric([one.run.metric.name for group in groups for one in group.runs])
    rows = difference_rows(merged(groups), [group.letter for group in groups], metric)
    settings = setting_rows(groups)
    comparison = comparison_of(groups, settings, rows, command)
    for name, own in (("differences", rows), ("settings", settings)):
        write_table(out / "results", name, own)
    write_about(comparison, out / "results")
    page = write_page(comparison, out)
    print("\n".join(lines(comparison)))
    print(f"\npage:   {page}\ntables: {out / 'results'}")
    return COMPARED if comparison.matched else NOTHING_MATCHES


def _distinct(folders: Sequence[Path]) -> list[Path]:
    if len(folders) < 2:
        raise StoreError(f"compare '{folders[0]}': expected two runs or more")
    seen: dict[Path, Path] = {}
    for folder in folders:
        if (real := folder.resolve()) in seen:
            raise StoreError(f"run '{folder}': named twice; name each run once")
        seen[real] = folder
    return list(folders)


def _writable(out: Path) -> None:
    if (out / "results" / "run.json").exists() or (out / "results" / "audit.json").exists():
        raise StoreError(f"--out '{out}': contains a run or an audit; choose another folder")
    try:
        (out / "results").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"--out '{out}': cannot be written to ({error.strerror})") from None


def _read(folders: Sequence[Path]) -> list[NamedRun]:
    from reports.compare.groups import NamedRun
    from reports.run import load_run_tables

    short = [folder.resolve().name for folder in folders]
    runs = []
    for folder, name in zip(folders, short, strict=True):
        try:
            run = load_run_tables(
                folder, ("cells", "predictions", "images", "confusion", "intervals")
            )
        except (OSError, ValueError) as error:
            raise StoreError(_problem(folder, error)) from None
        runs.append(NamedRun(name if short.count(name) == 1 else str(folder), run))
    return runs


def _problem(folder: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"run '{folder}': no results/run.json of a run in it"
    return (
        f"run '{folder}': its tables are damaged or of another version ({error}); rebuild them: "
        f"python sweep.py report {folder}"
    )
