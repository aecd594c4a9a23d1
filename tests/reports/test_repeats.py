"""Seeds and folds of one configuration in one number, and how sure it is."""

from __future__ import annotations

import pytest

from reports.repeats import fold_repeats
from reports.run import Row
from reports.statistics import Interval, wilson


def _row(
    accuracy: float | None, seed: int = 0, fold: int = 0, repeat: int = 1, n_test: int = 100
) -> Row:
    state = "done" if accuracy is not None else "failed"
    row = {"state": state, "accuracy": accuracy, "n_test": n_test}
    row |= {"seed": seed, "repeat": repeat, "fold": fold}
    return row | {"interval": None, "mean_interval": None}


def test_folds_give_the_interval_of_all_images_tested_once() -> None:
    repeats = fold_repeats([_row(a, fold=f) for f, a in enumerate((0.5, 0.6, 0.7), 1)])
    assert repeats is not None
    assert repeats.mean == pytest.approx(0.6)
    assert (repeats.spread.low, repeats.spread.high) == (0.5, 0.7)
    assert repeats.interval.low == pytest.approx(wilson(180, 300).low)
    assert repeats.interval.high == pytest.approx(wilson(180, 300).high)
    assert repeats.text == "3 folds"


def test_more_seeds_do_not_make_the_interval_narrower() -> None:
    one = fold_repeats([_row(0.6)])
    three = fold_repeats([_row(0.6, seed=s) for s in range(3)])
    assert one is not None
    assert three is not None
    assert one.interval == three.interval == wilson(60, 100)
    both = fold_repeats([_row(0.6, seed=s, fold=f) for s in (0, 1) for f in (1, 2, 3)])
    assert both is not None
    assert both.interval == wilson(180, 300)
    assert both.text == "3 folds × 2 seeds"  # noqa: RUF001


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([_row(0.5, seed=0), _row(None, seed=1)], "1 of 2 seeds"),
        ([_row(0.5, fold=1), _row(None, fold=2), _row(0.5, fold=3)], "2 of 3 folds"),
        (
            [_row(0.5 if s else None, s, f) for s in (0, 1) for f in (1, 2, 3)],
            "3 of 6 (3 folds × 2 seeds)",  # noqa: RUF001
        ),
    ],
)
def test_what_is_missing_is_said(rows: list[Row], text: str) -> None:
    repeats = fold_repeats(rows)
    assert repeats is not None
    assert repeats.text == text
    assert repeats.mean == 0.5


def test_a_mean_has_the_interval_of_its_table_where_predictions_were_kept() -> None:
    rows = [_row(0.6, seed=seed) | {"mean_interval": Interval(0.4, 0.8)} for seed in (0, 1)]
    repeats = fold_repeats(rows)
    assert repeats is not None
    assert repeats.interval == Interval(0.4, 0.8)
    left = fold_repeats([_row(0.6) | {"interval": Interval(0.5, 0.7)}, _row(None, seed=1)])
    assert left is not None
    assert left.interval == Interval(0.5, 0.7)


def test_nothing_done_is_nothing() -> None:
    assert fold_repeats([_row(None), _row(None, seed=1)]) is None
