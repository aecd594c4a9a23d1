"""The published numbers of FEC-IGE, and a check for impossible numbers in any published table.

Nguyen, Tran, Lu: IJACSA 15(6), 2024. `tables_1_to_6.csv` is its grid of 60 cells,
`table_7.csv` its comparison with other work; all values 0..1, as printed. `n_test` is ours: 10 % of
the scenario's images, which the paper's test part holds.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reports.axes import NO_AUGMENTATION
from reports.published.table_file import Audit, audit_rows

REFERENCE = "Nguyen, Tran, Lu: FEC-IGE. IJACSA 15(6), 2024"
DOI = "10.14569/IJACSA.2024.01506142"

CLASSES = {
    "1": (
        "Avulsion fracture",
        "Comminuted fracture",
        "Fracture Dislocation",
        "Greenstick fracture",
        "Hairline Fracture",
    ),
    "2": (
        "Impacted fracture",
        "Longitudinal fracture",
        "Oblique fracture",
        "Pathological fracture",
        "Spiral Fracture",
    ),
}
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PublishedCell:
    """One row of Tables I to VI; metrics 0..1 to four decimals."""

    table: str
    scenario: str
    strategy: str
    augmentation: str  # `fec-ige` or `none`
    backbone: str
    n_test: int  # images, if no copies were among them
    accuracy: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class OtherWork:
    """One row of Table VII, as the paper reports it."""

    work: str
    reference: int
    architecture: str
    accuracy: float


@cache
def published_cells() -> tuple[PublishedCell, ...]:
    """The 60 rows of Tables I to VI, in the paper's order."""
    return tuple(
        PublishedCell(
            table=row["table"],
            scenario=row["scenario"],
            strategy=row["strategy"],
            augmentation="fec-ige" if row["augmentation"] == "on" else NO_AUGMENTATION,
            backbone=row["backbone"],
            n_test=int(row["n_test"]),
            accuracy=float(row["accuracy"]),
            precision=float(row["precision"]),
            recall=float(row["recall"]),
            f1=float(row["f1"]),
        )
        for row in _rows("tables_1_to_6.csv")
    )


@cache
def other_work() -> tuple[OtherWork, ...]:
    """The rows of Table VII."""
    return tuple(
        OtherWork(row["work"], int(row["reference"]), row["architecture"], float(row["accuracy"]))
        for row in _rows("table_7.csv")
    )


@cache
def published_audit() -> Audit:
    """What is wrong with the 60 rows, in the same order."""
    return audit_rows(_rows("tables_1_to_6.csv"))


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
