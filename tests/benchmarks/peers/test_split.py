"""Contenders get the parts that the project itself uses."""

from pathlib import Path

import pandas as pd

from benchmarks.peers.split import write_splits
from sweeper.config.load import load_config
from sweeper.plan.start import make_plan
from sweeper.progress import Progress
from sweeper.stage_times import StageTimes
from tests.sweeper.folders import write_images


def test_a_run_on_the_file_has_the_same_parts_as_the_peers(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 12, "b": 9})
    (file,) = write_splits(str(images), None, 3, [2], 1.0, tmp_path).values()
    rows = pd.read_csv(file)
    assert set(rows["part"]) == {"train", "val", "test"}
    assert rows.groupby("group")["part"].nunique().max() == 1
    assert all(Path(path).is_file() for path in rows["path"])
    settings = [f"data.path={images}", f"store={tmp_path / 'other'}", "grid.augmentations=[none]"]
    settings += ["split.policies=[file]", f"split.file={file}", "split.folds=null"]
    plan = make_plan(load_config("default", settings), Progress(), StageTimes())
    (split,) = plan.splits.values()
    ours = split.rows.set_index("image_id")["part"].to_dict()
    assert ours == rows.set_index("image_id")["part"].to_dict()


def test_a_share_keeps_whole_groups_and_every_image_is_tested_in_one_fold(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 12, "b": 9})
    files = write_splits(str(images), None, 3, [1, 2, 3], 0.5, tmp_path)
    folds = [pd.read_csv(file) for file in files.values()]
    ids = {frozenset(rows["image_id"]) for rows in folds}
    assert len(ids) == 1
    assert 0 < len(folds[0]) < 21
    tested = [
        image_id for rows in folds for image_id in rows.loc[rows["part"] == "test", "image_id"]
    ]
    assert sorted(tested) == sorted(folds[0]["image_id"])
