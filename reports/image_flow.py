"""Count the images of a run from the files found to the parts of a split."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reports import wording
from reports.run import Run

_PARTS = (("train", "training"), ("val", "validation"), ("test", "test"))


@dataclass(frozen=True)
class Flow:
    """Counts of images; those of the parts are of one division, copies not counted."""

    found: int
    excluded: int
    used: int  # of the scenario's classes
    other_classes: int
    groups: int
    parts: tuple[tuple[str, int], ...]
    split: str  # the split, in words


def flow_of(run: Run, policy: str, scenario: str) -> Flow:
    """The flow into one scenario under one split policy."""
    images = run.tables["images"]
    usable = images[images["problem"] == ""]
    classes = run.classes(scenario)
    own = usable[usable["class"].isin(classes)] if classes else usable
    rows = first_division(run.tables["splits"], policy, scenario)
    parts = rows.groupby("part")["image_id"].nunique()
    return Flow(
        found=len(images),
        excluded=len(images) - len(usable),
        used=len(own),
        other_classes=len(usable) - len(own),
        groups=int(own["group"].nunique()),
        parts=tuple((name, int(parts.get(part, 0))) for part, name in _PARTS),
        split=f"{policy} split{division_text(run)}",
    )


def first_division(splits: pd.DataFrame, policy: str, scenario: str) -> pd.DataFrame:
    """The rows of a scenario's first division under a split policy, in the first augmentation; all
    augmentations divide the images in the same way."""
    own = splits[(splits["split_policy"] == policy) & (splits["scenario"] == scenario)]
    for name in ("repeat", "fold", "augmented"):
        own = own[own[name] == own[name].min()] if len(own) else own
    return own


def division_text(run: Run) -> str:
    """', the first of 5 folds and 2 repeats'; empty with one division."""
    numbers = {name: len({row[name] for row in run.cells}) for name in ("fold", "repeat")}
    several = [wording.plural(n, name) for name, n in numbers.items() if n > 1]
    return f", the first of {wording.listed(several)}" if several else ""
