"""The command `python sweep.py check-table FILE.csv`: find impossible numbers in a table, and how
likely its best row is not the best."""

from __future__ import annotations

import argparse

from datasets.errors import DataError
from sweeper.config.paths import typed_path

CONSISTENT, FINDINGS = 0, 1
_UNITS = {"auto": None, "percent": True, "share": False}
_TEXT = (
    "check a published table (CSV with any of the columns accuracy, precision, recall, f1 in "
    "usual spellings, and n_test or --n-test): accuracies must be k/n, weighted recall "
    "must equal accuracy, F1 must be possible given precision and recall; also estimates how "
    "likely it is that the best row is not the best; exit code 0: consistent, 1: findings, 2: "
    "user error"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `check-table`."""
    parser.description = _TEXT
    parser.add_argument(
        "file",
        type=typed_path,
        metavar="FILE.csv",
        help="one row per model; columns without metrics name it",
    )
    parser.add_argument(
        "--n-test", type=int, metavar="N", help="test images, for rows without a value in n_test"
    )
    parser.add_argument(
        "--unit",
        choices=_UNITS,
        default="auto",
        help="unit of numbers without a %% sign; auto: guessed for each",
    )
    parser.add_argument(
        "--average",
        choices=("weighted", "macro"),
        default="weighted",
        help="average over classes, unless a header states it; with macro, recall need not equal "
        "accuracy. Of two columns of a metric, the one with this average is checked",
    )
    parser.set_defaults(work=check_table)


def check_table(options: argparse.Namespace, command: str) -> int:
    """Print a line for every row and conclusions; returns 0 (consistent) or 1 (findings)."""
    from reports.published.table_file import LARGEST_N, audit_file
    from reports.published.table_text import TableError
    from reports.published.verdicts import conclusions, row_text

    if options.n_test is not None and not 1 <= options.n_test <= LARGEST_N:
        raise DataError(f"--n-test {options.n_test}: expected 1 to {LARGEST_N}")
    try:
        audit = audit_file(
            options.file,
            options.n_test,
            weighted=options.average == "weighted",
            percent=_UNITS[options.unit],
        )
    except TableError as error:
        raise DataError(str(error)) from None
    print("\n".join(row_text(line) for line in audit.lines))
    print("\n" + "\n".join(conclusions(audit)))
    return FINDINGS if audit.findings else CONSISTENT
