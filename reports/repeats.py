"""Summarise the trainings of one configuration: mean, spread and interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.run import Row, Run, interval_of
from reports.statistics import Interval, share_interval

_UNEVEN = 1.5  # share of the largest class, of what it would be if all were equal
_OF_ROWS = ("accuracy", "recall")  # shares of the test rows; other metrics are of classes


@dataclass(frozen=True)
class Repeats:
    """The finished trainings of one configuration: they differ in seed, repeat and fold only."""

    mean: float  # accuracy, every training counting the same
    spread: Interval  # the lowest training and the highest
    n: int  # test rows of one repeat: over its folds every image is tested once
    interval: Interval  # 95 %, of the mean
    done: int
    planned: int
    seeds: int
    repeats: int
    folds: int

    @property
    def text(self) -> str:
        """'3 seeds', '5 folds', '2 repeats x 5 folds x 3 seeds', '4 of 5 folds'."""
        counts = {"repeats": self.repeats, "folds": self.folds, "seeds": self.seeds}
        several = [f"{number} {name}" for name, number in counts.items() if number > 1]
        text = " \u00d7 ".join(several) or "1 training"
        if self.done == self.planned:
            return text
        return f"{self.done} of {text if len(several) == 1 else f'{self.planned} ({text})'}"


def fold_repeats(rows: Sequence[Row]) -> Repeats | None:
    """Fold the cells of one configuration; None if none of them has a test accuracy.

    The interval comes from the table `intervals`. Without stored predictions it is Wilson's on n
    rows, which more trainings on the same images do not narrow.
    """
    done = [row for row in rows if row["state"] == "done" and row["accuracy"] is not None]
    if not done:
        return None
    values = [row["accuracy"] for row in done]
    mean = sum(values) / len(values)
    passes = len({(row["seed"], row["repeat"]) for row in done})  # over the images
    n = max(1, round(sum(row["n_test"] for row in done) / passes))
    return Repeats(
        mean=mean,
        spread=Interval(min(values), max(values)),
        n=n,
        interval=_interval(done) or share_interval(mean, n),
        done=len(done),
        planned=len(rows),
        seeds=len({row["seed"] for row in rows}),
        repeats=len({row["repeat"] for row in rows}),
        folds=len({row["fold"] for row in rows}),
    )


def balanced_accuracy(run: Run, rows: Sequence[Row]) -> tuple[float, Interval | None] | None:
    """The mean balanced accuracy of a configuration's done cells with its interval, where their
    test classes are uneven: always predicting the largest one scores half as much again as it would
    if they were even."""
    done = [row for row in rows if row["state"] == "done"]
    values = [row["balanced_accuracy"] for row in done if row["balanced_accuracy"] is not None]
    classes = len(run.classes(done[0]["scenario"])) if done else 0
    if not values or max(row["chance"] for row in done) * classes < _UNEVEN:
        return None
    mean = sum(values) / len(values)
    return mean, metric_interval(run, rows, "balanced_accuracy", mean, 0)


def metric_interval(
    run: Run, rows: Sequence[Row], metric: str, mean: float, pictures: int
) -> Interval | None:
    """The 95 % interval of a metric's mean over the done cells among `rows`, a configuration's.

    Without stored predictions, a share of the test rows has the interval of one model on `pictures`
    independent images; other metrics have none.
    """
    done = [row for row in rows if row["state"] == "done"]
    alone = len(done) == 1
    found = run.interval(done[0], metric) if alone else run.mean_interval(rows[0], metric)
    if found is None and metric in _OF_ROWS and pictures:
        return share_interval(mean, pictures)
    return found


def _interval(done: Sequence[Row]) -> Interval | None:
    return interval_of(done[0]) if len(done) == 1 else done[0]["mean_interval"]
