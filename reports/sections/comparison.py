"""The paper's 60 numbers beside ours, and which of them can be what they are said to be."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from reports import wording
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale
from reports.published import (
    DOI,
    REFERENCE,
    OtherWork,
    PublishedCell,
    correct_count,
    other_work,
    published_cells,
)
from reports.run import Run

COMPARE = "fec-ige"
"""The value of the config key `compare` that asks for this section."""

_SHARE = Scale(0.0, 1.0)
_GUIDES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Entry:
    """One published cell beside ours."""

    backbone: str
    published: str
    count: str  # k/n that gives the published number, or what is wrong with it
    flag: str  # "" | copies | misprint | impossible
    pooled: str
    grouped: str
    strip: Markup


@dataclass(frozen=True)
class PaperTable:
    title: str
    entries: list[Entry]


@dataclass(frozen=True)
class Comparison:
    reference: str
    doi: str
    tables: list[PaperTable]
    axis: Markup
    other_work: tuple[OtherWork, ...]
    summary: str


def build(run: Run) -> Comparison | None:
    """None unless the run's config says `compare: fec-ige`."""
    if run.info.get("config", {}).get("compare") != COMPARE:
        return None
    ours = _ours(run)
    tables = [
        PaperTable(_title(*key), [_entry(cell, ours) for cell in cells])
        for key, cells in groupby(published_cells(), key=lambda c: (c.table, c.augmented))
    ]
    marks = [(0.0, "0"), (0.5, "50"), (1.0, "100 %")]
    return Comparison(REFERENCE, DOI, tables, axis(marks, _SHARE), other_work(), _summary())


def _title(table: str, augmented: bool) -> str:
    first = next(cell for cell in published_cells() if cell.table == table)
    how = f"{wording.strategy(first.strategy)}, {wording.augmentation(augmented)}"
    return f"Table {table}: {wording.scenario(first.scenario)}, {how}"


def _ours(run: Run) -> dict[tuple[str, str, str, bool, str], float]:
    """Mean accuracy over seeds by (policy, scenario, strategy, augmented, backbone)."""
    values: dict[tuple[str, str, str, bool, str], list[float]] = {}
    for row in run.done:
        key = (
            row["split_policy"],
            row["scenario"],
            row["strategy"],
            bool(row["augmented"]),
            row["backbone"],
        )
        values.setdefault(key, []).append(row["accuracy"])
    return {key: sum(found) / len(found) for key, found in values.items()}


def _entry(cell: PublishedCell, ours: dict[tuple[str, str, str, bool, str], float]) -> Entry:
    where = (cell.scenario, cell.strategy, cell.augmented, cell.backbone)
    pooled, grouped = ours.get(("pooled", *where)), ours.get(("grouped", *where))
    marks = [Mark(cell.accuracy, "bar", "published")]
    marks += [Mark(pooled, "ring", "pooled")] if pooled is not None else []
    marks += [Mark(grouped, "dot", "grouped")] if grouped is not None else []
    flag, count = _plausibility(cell)
    return Entry(
        backbone=cell.backbone,
        published=wording.percent(cell.accuracy, 2),
        count=count,
        flag=flag,
        pooled=wording.percent(pooled),
        grouped=wording.percent(grouped),
        strip=strip(marks, _SHARE, guides=_GUIDES),
    )


def _plausibility(cell: PublishedCell) -> tuple[str, str]:
    if cell.misprint:
        return "misprint", "misprint"
    k = correct_count(cell.accuracy, cell.n_test)
    if k is not None:
        return "", f"{k}/{cell.n_test}"
    k = correct_count(cell.accuracy, cell.n_rows)
    if k is not None:
        return "copies", f"{k}/{cell.n_rows}"
    return "impossible", f"no k/{cell.n_test}"


def _summary() -> str:
    cells = published_cells()
    plain = [cell for cell in cells if not cell.augmented]
    augmented = [cell for cell in cells if cell.augmented]

    def possible(group: list[PublishedCell], rows: bool) -> int:
        counts = [correct_count(c.accuracy, c.n_rows if rows else c.n_test) for c in group]
        return sum(count is not None for count in counts)

    return (
        f"With 66, 47 and 113 test images an accuracy must be k/66, k/47 or k/113. "
        f"{possible(plain, False)} of the {len(plain)} published numbers without augmentation are; "
        f"of the {len(augmented)} with augmentation only {possible(augmented, False)} are, while "
        f"{possible(augmented, True)} fit a test set nine times as large: each test image and its "
        f"eight copies. Weighted recall must equal accuracy, so these rows are misprinted: "
        f"{'; '.join(_misprint(cell) for cell in cells if cell.misprint)}."
    )


def _misprint(cell: PublishedCell) -> str:
    return (
        f"Table {cell.table}, {cell.backbone}, {wording.augmentation(cell.augmented)} (accuracy "
        f"{wording.percent(cell.accuracy, 2)}, recall {wording.percent(cell.recall, 2)})"
    )
