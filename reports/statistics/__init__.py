"""Intervals, paired comparisons and effects, with test groups as the units.

    intervals     of shares and differences, in closed form
    outcomes      a cell's test rows and their groups
    measures      metrics as functions of sums over rows; auroc: with DeLong's error
    temperature   the one that a champion's probabilities are scaled with
    bootstrap     groups resampled, the same in every cell that tests them
    panel         all cells of a scenario with their draws
    spreads       how far trainings of a configuration lie apart
    training      what that adds to an error
    paired        two trained networks on the same rows
    contrasts     the effect of a choice over matched cells; blocks: cells that share a training
    operating_points  thresholds of a class, chosen on validation
    predictive_values at a stated prevalence
    planning      how many trainings a comparison needs, and how many test images a share
    multiplicity  many questions at once

Accuracies and intervals are 0..1. A group is an image with all its copies and duplicates, and what
`data.group_by` links: the smallest thing that a test set was drawn from.
"""

from reports.statistics.intervals import (
    Interval,
    accuracy_interval,
    difference_interval,
    share_interval,
    wilson,
)

__all__ = ["Interval", "accuracy_interval", "difference_interval", "share_interval", "wilson"]
