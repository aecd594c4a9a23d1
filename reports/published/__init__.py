"""The published numbers of FEC-IGE, and what they can and cannot be.

Nguyen, Tran, Lu: IJACSA 15(6), 2024. `tables_1_to_6.csv` is its grid of 60 cells,
`table_7.csv` its comparison with other work; all values 0..1, as printed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
TEST_IMAGES = {"1": 66, "2": 47, "3": 113}
"""Test images in each scenario: 10 % of 660, 469 and 1129."""
ROWS_PER_IMAGE = 9
"""An image and its eight copies, which the published notebook made before it split."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PublishedCell:
    """One row of Tables I to VI; metrics 0..1 to four decimals."""

    table: str
    scenario: str
    strategy: str
    augmented: bool
    backbone: str
    accuracy: float
    precision: float
    recall: float
    f1: float

    @property
    def misprint(self) -> bool:
        """Weighted recall is accuracy by definition: where they differ, one is misprinted."""
        return abs(self.accuracy - self.recall) > 1e-3

    @property
    def n_test(self) -> int:
        """Test images, if no copies were among them."""
        return TEST_IMAGES[self.scenario]

    @property
    def n_rows(self) -> int:
        """Test rows of the published notebook: with augmentation, copies are among them."""
        return self.n_test * (ROWS_PER_IMAGE if self.augmented else 1)


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
            augmented=row["augmentation"] == "on",
            backbone=row["backbone"],
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


def correct_count(accuracy: float, n: int) -> int | None:
    """The k for which k / n prints as `accuracy` (four decimals, truncated or rounded), or None.

    >>> correct_count(0.6363, 66), correct_count(0.9663, 66), correct_count(0.9663, 594)
    (42, None, 574)
    """
    target = round(accuracy * 10_000)
    guess = round(accuracy * n)
    for k in (guess, guess - 1, guess + 1):
        truncated = k * 10_000 // n
        rounded = (2 * k * 10_000 + n) // (2 * n)
        if 0 <= k <= n and target in (truncated, rounded):
            return k
    return None


def plausible(accuracy: float, n: int) -> bool:
    """Whether `accuracy`, printed to four decimals, can come from n test rows."""
    return correct_count(accuracy, n) is not None


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
