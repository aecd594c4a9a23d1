"""The search says that its best lies at an edge where the draws show it, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from reports.run import Run
from reports.sections.cell import search

Row = dict[str, Any]
INFO = {
    "hyperparameters": {
        "lr": "learning rate",
        "batch_size": "batch size",
        "hidden": "hidden layers",
    }
}
OF = {"strategy": "transfer", "recipe": "paper"}


def trial(draw: int, lr: float, accuracy: float | None, batch_size: int = 16) -> Row:
    return {
        "strategy": "transfer",
        "recipe": "paper",
        "trial": f"t{draw}",
        "draw": draw,
        "lr": lr,
        "batch_size": batch_size,
        "hidden": "512-128",
        "val_accuracy": accuracy,
        "val_score": accuracy,
    }


def edges(trials: Sequence[Row], also: Sequence[Row] = ()) -> list[search.Edge]:
    """Of a cell of `trials` in a run that has tried `also` elsewhere."""
    space = search.Space(Run(INFO, {"trials": pd.DataFrame([*trials, *also])}))
    done = [one for one in trials if one["val_accuracy"] is not None]
    best = max(done, key=lambda one: one["val_accuracy"])
    return space.edges({**OF, "champion": best["trial"]}, trials)


def test_the_best_at_the_largest_value_is_at_the_edge() -> None:
    (edge,) = edges([trial(0, 1e-3, 0.9), trial(1, 1e-4, 0.5), trial(2, 1e-5, 0.2)])
    assert edge.text == "the best learning rate is the largest tried: widen recipes.paper.lr"


def test_the_best_at_the_smallest_value_is_at_the_edge() -> None:
    (edge,) = edges([trial(0, 1e-3, 0.1), trial(1, 1e-4, 0.5)])
    assert (edge.name, edge.largest) == ("lr", False)


@pytest.mark.parametrize(
    "trials",
    [
        [trial(0, 1e-4, 0.9), trial(1, 1e-3, 0.5), trial(2, 1e-5, 0.2)],  # in the middle
        [trial(0, 1e-3, 0.9), trial(1, 1e-4, 0.9)],  # another value is as good
        [trial(0, 1e-3, 0.9), trial(1, 1e-4, None)],  # the other draw failed
        [trial(0, 1e-3, 0.9), trial(1, 1e-3, 0.5)],  # one value only
    ],
)
def test_otherwise_nothing_is_said(trials: list[Row]) -> None:
    assert edges(trials) == []


def test_a_value_is_at_no_edge_that_other_cells_of_the_strategy_went_beyond() -> None:
    assert edges([trial(0, 1e-3, 0.9), trial(1, 1e-4, 0.5)], also=[trial(2, 1e-2, 0.1)]) == []


def test_the_summary_counts_cells_at_each_end() -> None:
    one = [trial(0, 1e-3, 0.9), trial(1, 1e-4, 0.5)]
    two = [trial(2, 1e-4, 0.9), trial(3, 1e-3, 0.5)]
    unsearched = [trial(4, 1e-3, 0.9)]
    space = search.Space(Run(INFO, {"trials": pd.DataFrame([*one, *two, *unsearched])}))
    cells = [
        ({**OF, "champion": f"t{number}"}, trials)
        for number, trials in ((0, one), (2, two), (4, unsearched))
    ]
    text = search.summary_of(cells, space)
    assert text.startswith("In 2 of 2 searched cells")
    assert "learning rate 1 at the largest and 1 at the smallest" in text
    assert search.summary_of(cells[2:], space) == ""
