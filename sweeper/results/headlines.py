"""The headlines of a run as the terminal prints them: the same configurations as on the page."""

from __future__ import annotations

from collections.abc import Iterator

from reports import wording
from reports.headline import Headline, headlines
from reports.repeats import balanced_accuracy, fold_repeats
from reports.run import Run


def headline_lines(run: Run) -> Iterator[str]:
    """A line for each split policy and scenario that has a result, in the report's order."""
    return (_line(run, found) for found in headlines(run))


def _line(run: Run, found: Headline) -> str:
    """`grouped, scenario 1: resnet50, fine-tuned: test accuracy 43.8 % (95 % CI 23.1-66.8; ...)`"""
    row, repeats = found.best, fold_repeats(found.rows)
    assert repeats is not None
    what = f"{found.policy}, {wording.scenario(found.scenario)}: {row['backbone']}"
    low, high = (wording.percent(end) for end in (repeats.interval.low, repeats.interval.high))
    rest = f"; mean of {repeats.text}" if len(found.rows) > 1 else ""
    return (
        f"{what}, {wording.recipe(row)}: test accuracy {wording.percent(repeats.mean)} % "
        f"(95 % CI {low}-{high}; {wording.plural(repeats.n, 'test row')}{rest})"
        f"{_balanced(run, found)}"
    )


def _balanced(run: Run, found: Headline) -> str:
    """`, balanced accuracy 31.0 %` where classes are uneven."""
    balanced = balanced_accuracy(run, found.rows)
    return f", balanced accuracy {wording.percent(balanced[0])} %" if balanced else ""
