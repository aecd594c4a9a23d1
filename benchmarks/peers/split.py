"""The split of every contender: one fold of the project's own division, as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sweeper.config.load import load_config
from sweeper.plan.plan import Plan
from sweeper.plan.splits import Split
from sweeper.plan.start import make_plan
from sweeper.progress import Progress
from sweeper.stage_times import StageTimes


def write_splits(
    data: str, group_by: str | None, folds: int, tested: Sequence[int], share: float, out: Path
) -> dict[int, Path]:
    """Write the parts of the images as CSV below `out`, a file for each tested fold of `folds`.

    `share`: of the groups to take, for a trial run. Columns: image_id, path (absolute), label,
    group, part.
    """
    overrides = [f"data.path={data}", f"store={out / 'store'}", "grid.augmentations=[none]"]
    overrides += ["split.policies=[grouped]", f"split.folds={folds}"]
    overrides += [f"data.group_by={group_by}"] if group_by else []
    plan = make_plan(load_config("default", overrides), Progress(), StageTimes())
    files = {}
    for name, split in plan.splits.items():
        if name.fold in tested:
            files[name.fold] = out / f"fold{name.fold}.csv"
            _rows(plan, split, share).to_csv(files[name.fold], index=False)
    return files


def _rows(plan: Plan, split: Split, share: float) -> pd.DataFrame:
    images = plan.collection.images[["image_id", "path", "class", "group"]]
    rows = split.rows[["image_id", "part"]].merge(images, on="image_id", validate="one_to_one")
    rows["path"] = [str(Path(plan.collection.root, path)) for path in rows["path"]]
    rows = rows.rename(columns={"class": "label"}).sort_values("image_id", ignore_index=True)
    if share < 1:
        kept = rows["group"].drop_duplicates().sample(frac=share, random_state=0)
        rows = rows[rows["group"].isin(kept)]
    return rows[["image_id", "path", "label", "group", "part"]]
