"""Choose the cells that the page shows in full: as many as fit, the most important first.

A cell in full has its curves, its confusion matrix, its search and its explanations. Every other
cell keeps its line in the table of all cells, so that none is omitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from reports.headline import headlines, validation_of
from reports.run import CellKey, Row, Run

MOST_BYTES = 5_000_000
"""Of the whole page."""

_PROBE = 48  # cells; no more than that are drawn before it is known how many fit


def fit(run: Run, render: Callable[[Run], str], most_bytes: int = MOST_BYTES) -> str:
    """The page with as many cells in full as keep it within `most_bytes`.

    Args:
        render: makes the page of a run that is narrowed to the cells to be shown in full.

    A page that is too large without any cell in full is returned as it is.
    """
    order = by_importance(run)
    number = min(len(order), _PROBE)
    page = render(run.narrowed(order[:number]))
    if number == len(order) and _size(page) <= most_bytes:
        return page
    bare = render(run.narrowed(()))
    page, each = bare, max(1.0, (_size(page) - _size(bare)) / max(1, number))
    number = min(len(order), int((most_bytes - _size(bare)) / each))
    while number > 0 and _size(page := render(run.narrowed(order[:number]))) > most_bytes:
        too_many = _size(page) - most_bytes
        number = min(number - 1, number - int(too_many / each))
        page = bare
    return page


def by_importance(run: Run) -> list[CellKey]:
    """Cells without a result, then every policy's and scenario's headline, then the best of every
    backbone under the most trusted policy, then of every policy and scenario what validation put
    first, second, ..."""
    without = [row for row in run.cells if row["accuracy"] is None]
    best = sorted(run.done, key=lambda row: -row["accuracy"])  # equals stay in the grid's order
    leading = [row for row in best if row["split_policy"] == run.policies[0]]
    chosen = sorted(run.done, key=lambda row: -validation_of(row)[0])
    rest = _by_rank(chosen, ("split_policy", "scenario"))
    chief = [one.best for one in headlines(run)]
    return _distinct([*without, *chief, *_firsts(leading, ("backbone",)), *rest])


def _by_rank(ranked: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    """All firsts of the groups that `columns` make, then all seconds, and so on."""
    seen: Counter[CellKey] = Counter()
    placed = []
    for row in ranked:
        group = tuple(row[name] for name in columns)
        placed.append((seen[group], row))
        seen[group] += 1
    return [row for _, row in sorted(placed, key=lambda one: one[0])]


def _firsts(ranked: Sequence[Row], columns: tuple[str, ...]) -> list[Row]:
    first: dict[CellKey, Row] = {}
    for row in ranked:
        first.setdefault(tuple(row[name] for name in columns), row)
    return list(first.values())


def _distinct(rows: Sequence[Row]) -> list[CellKey]:
    return list(dict.fromkeys(row["key"] for row in rows))


def _size(page: str) -> int:
    return len(page.encode())
