"""One configuration under several seeds and folds, folded into a mean, a spread and an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.run import Row, Run, interval_of
from reports.statistics import Interval, share_interval

_OF_ROWS = ("accuracy", "recall")  # shares of the test rows; other metrics are of classes


@dataclass(frozen=True)
class Repeats:
    """The done cells among some that differ in seed and fold only."""

    mean: float  # accuracy, every repeat counting the same
    spread: Interval  # the lowest repeat and the highest
    n: int  # test rows of one seed: over its folds every image is tested once
    interval: Interval  # 95 %, of the mean
    done: int
    planned: int
    seeds: int
    folds: int

    @property
    def text(self) -> str:
        """'3 seeds', '2 x 5 folds', '4 of 5 folds'."""
        if self.folds < 2:
            return f"{self._count(self.seeds)} seeds"
        if self.seeds < 2:
            return f"{self._count(self.folds)} folds"
        if self.done < self.planned:
            return f"{self.done} of {self.planned} folds"
        return f"{self.seeds} \u00d7 {self.folds} folds"

    def _count(self, number: int) -> str:
        return f"{self.done} of {number}" if self.done < self.planned else f"{number}"


def fold_repeats(rows: Sequence[Row]) -> Repeats | None:
    """Fold the cells of one configuration; None if none of them has a test accuracy.

    The interval is the table `intervals`': over the test groups, and over seeds or folds where
    there are several. Where the run kept no predictions it is Wilson's on n rows, which more seeds
    do not make narrower, as they test the same images or overlapping sets of them.
    """
    done = [row for row in rows if row["state"] == "done" and row["accuracy"] is not None]
    if not done:
        return None
    values = [row["accuracy"] for row in done]
    mean = sum(values) / len(values)
    n = max(1, round(sum(row["n_test"] for row in done) / len({row["seed"] for row in done})))
    return Repeats(
        mean=mean,
        spread=Interval(min(values), max(values)),
        n=n,
        interval=_interval(done) or share_interval(mean, n),
        done=len(done),
        planned=len(rows),
        seeds=len({row["seed"] for row in rows}),
        folds=len({row["fold"] for row in rows}),
    )


def metric_interval(
    run: Run, rows: Sequence[Row], metric: str, mean: float, pictures: int
) -> Interval | None:
    """The 95 % interval of a metric's mean over the done cells among `rows`, a configuration's.

    Where the run kept no predictions, a share of the test rows has that of one model on `pictures`
    different pictures; other metrics have none.
    """
    done = [row for row in rows if row["state"] == "done"]
    alone = len(done) == 1
    found = run.interval(done[0], metric) if alone else run.mean_interval(rows[0], metric)
    if found is None and metric in _OF_ROWS and pictures:
        return share_interval(mean, pictures)
    return found


def _interval(done: Sequence[Row]) -> Interval | None:
    return interval_of(done[0]) if len(done) == 1 else done[0]["mean_interval"]
