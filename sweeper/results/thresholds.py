"""The rows of the table `thresholds`: the operating point of each class, chosen on validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.statistics.operating_points import Rule, choose_threshold
from reports.statistics.temperature import at_temperature


def threshold_rows(
    validation: pd.DataFrame,
    temperature: float,
    classes: Sequence[str],
    rule: Rule,
    cell: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """A row for each class of a `cell`; numbers are null where validation lacks a side of it.

    `validation`: the champion's predictions, with columns label (int) and probabilities. Thresholds
    are of the probabilities at the temperature, which are those that `predict` prints.
    """
    labels = validation["label"].to_numpy()
    scores = at_temperature(np.stack(validation["probabilities"].to_list()), temperature)
    for number, name in enumerate(classes):
        own = labels == number
        found = choose_threshold(own, scores[:, number], rule)
        yield {
            **cell,
            "label": name,
            "rule": rule.text,
            "threshold": found.value if found else None,
            "val_sensitivity": found.sensitivity if found else None,
            "val_specificity": found.specificity if found else None,
            "val_rows": int(own.sum()),
        }
