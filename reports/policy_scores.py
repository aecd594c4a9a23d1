"""Read the table `policies`: accuracies of split policies over the cells that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.derived.policies import ALL, AUGMENTED, compared_name
from reports.run import Row, Run, records
from reports.statistics import Interval


@dataclass(frozen=True)
class Score:
    """One policy's mean accuracy over `cells` matched cells, and its difference from the first."""

    policy: str
    reference: str
    cells: int
    pictures: int  # different ones in its test parts; 0 where no split was recorded
    mean: float
    interval: Interval | None
    difference: float
    difference_interval: Interval | None


def policy_scores(run: Run, policies: Sequence[str], cells: str = ALL) -> list[Score]:
    """The scores of `policies`, given the most trustworthy first, over the cells that are done
    under each; trainings averaged. Nothing if there is no such cell.

    Args:
        cells: `AUGMENTED` cells only, those of one augmentation by its name, or `ALL`.
    """
    table = run.tables["policies"]
    own = table[(table["compared"] == compared_name(policies)) & (table["cells"] == cells)]
    return [_score(row) for row in records(own)]


def leak_score(run: Run) -> Score | None:
    """The score of a leakier policy of the run beside a more trustworthy one. Of several such pairs
    the one with the best reference, then with the leakiest policy."""
    leakiest_first = reversed(run.policies)
    pairs = [
        (order, policy, against)
        for policy in leakiest_first
        for order, against in enumerate(run.split_policy(policy).leakier_than)
        if against in run.policies
    ]
    if not pairs:
        return None
    _, leakier, against = min(pairs, key=lambda pair: pair[0])  # the first of equals
    cells = AUGMENTED if run.split_policy(leakier).tests_copies else ALL
    scores = policy_scores(run, [against, leakier], cells)
    return scores[1] if scores else None


def _score(row: Row) -> Score:
    return Score(
        policy=row["split_policy"],
        reference=row["reference"],
        cells=int(row["pairs"]),
        pictures=int(row["pictures"]),
        mean=row["mean"],
        interval=_interval(row["low"], row["high"]),
        difference=row["difference"],
        difference_interval=_interval(row["difference_low"], row["difference_high"]),
    )


def _interval(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else Interval(low, high)
