"""The best configuration of each scenario under each split policy: the rule that chooses it."""

from __future__ import annotations

from collections.abc import Iterator

from reports import wording
from reports.run import Row, Run, interval_of


def best_cells(run: Run) -> Iterator[Row]:
    """Of each split policy and scenario the cell that validation prefers, in the report's order."""
    for policy in run.policies:
        for scenario in run.scenarios:
            rows = [
                row
                for row in run.done
                if (row["split_policy"], row["scenario"]) == (policy, scenario)
                and row["val_accuracy"] is not None
            ]
            if rows:
                yield max(rows, key=lambda row: float(row["val_accuracy"]))


def best_line(row: Row) -> str:
    """`grouped, scenario 1: resnet50, fine-tuned, ...: test accuracy 43.8 % (95 % CI 23.1-66.8)`"""
    interval = interval_of(row)
    what = f"{row['split_policy']}, {wording.scenario(row['scenario'])}: {row['backbone']}"
    accuracy = f"test accuracy {wording.percent(row['accuracy'])} %"
    if interval:
        low, high = wording.percent(interval.low), wording.percent(interval.high)
        accuracy += f" (95 % CI {low}-{high}; {row['n_test']} test rows)"
    return f"{what}, {wording.recipe(row)}: {accuracy}"
