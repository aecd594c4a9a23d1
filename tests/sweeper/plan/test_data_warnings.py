"""What is said before anything is trained."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.config.schema import DataSection
from sweeper.plan.collect import collect
from sweeper.plan.data_warnings import (
    augmentation_warnings,
    collection_warnings,
    left_out,
    split_warnings,
)
from sweeper.plan.plan import Plan
from sweeper.store.store import Store
from tests.sweeper.folders import write_config, write_images

Captured = pytest.CaptureFixture[str]


def told(root: Path, tmp_path: Path, **settings: Any) -> list[str]:
    data = DataSection(path=str(root), **settings)
    return list(collection_warnings(collect(data, Store(str(tmp_path / "store")))))


def test_a_usual_folder_gives_no_warning(tmp_path: Path) -> None:
    assert not told(write_images(tmp_path / "images", {"a": 3, "b": 3}), tmp_path)


def test_a_class_that_a_layer_lacks_is_a_warning(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"train/a": 3, "train/b": 3, "test/a": 3})
    (line,) = told(root, tmp_path)
    assert "1 of 2 classes has no test image ('b')" in line


def test_patients_are_a_warning_until_the_grouping_is_told(tmp_path: Path) -> None:
    folders = {f"patient{n}/{name}": 2 for n in (1, 2) for name in ("benign", "malignant")}
    root = write_images(tmp_path / "images", folders)
    (line,) = told(root, tmp_path)
    assert "interpreted as patients" in line
    assert not told(root, tmp_path, group_by="^([^/]+)/")


def test_what_is_left_out_is_named_by_reason_and_kind(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    for name in ("1.pgm", "2.pgm", "torn.png", "notes.txt"):
        (root / "a" / name).write_bytes(b"no picture")
    collection = collect(DataSection(path=str(root)), Store(str(tmp_path / "store")))
    assert list(left_out(collection)) == [
        ("excluded", "2 files, 'a/1.pgm' first: .pgm is not supported; save it as PNG or TIFF"),
        ("excluded", "'a/torn.png': cannot be read as an image: not an image"),
        ("left out", "1 file without images (1 .txt)"),
    ]


def warnings_of_splits(tmp_path: Path, *overrides: str) -> list[str]:
    root = write_images(tmp_path / "images", {f"c{number}": 3 for number in range(12)}, side=32)
    config = load_config(write_config(tmp_path, root), overrides)
    store = Store(config.store)
    plan = Plan(config, collect(config.data, store), store)
    return list(split_warnings(plan.splits, plan.scenarios))


def test_classes_that_no_part_tests_are_one_warning_a_policy(tmp_path: Path) -> None:
    policies = "split.policies=[grouped, stratified]"
    lines = warnings_of_splits(tmp_path, policies, "grid.seeds=[0, 1]")
    assert [line.split(",")[0] for line in lines] == ["split grouped", "split stratified"]
    assert all("8 of 12 classes have no test image" in line for line in lines)
    assert not warnings_of_splits(tmp_path, "split.folds=3")


def test_plan_warns_and_writes_nothing_beside_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    counts = {"images/a": 6, "images/b": 6}
    root = write_images(tmp_path, counts, side=32) / "images"
    (root / "a" / "torn.png").write_bytes(b"no picture")
    before = sorted(root.rglob("*"))
    config = write_config(tmp_path, Path("."))
    monkeypatch.chdir(root)
    assert main(["plan", config, "--set", "store=store"]) == 0
    assert sorted(root.rglob("*")) == before
    assert "'a/torn.png': cannot be read" in capsys.readouterr().out


def test_flips_of_classes_that_differ_by_side_are_a_warning() -> None:
    config = load_config("smoke")
    (line,) = augmentation_warnings(config, ["left hand", "right hand", "foot"])
    assert "augmentation fec-ige: HorizontalFlip" in line
    assert "a copy of 'left hand' may look like 'right hand'" in line
    assert "list augmentations.fec-ige.transforms without HorizontalFlip" in line
    assert not list(augmentation_warnings(config, ["hand", "foot"]))
    still = load_config("smoke", ["augmentations.fec-ige.transforms=[{VerticalFlip: {p: 0.5}}]"])
    assert not list(augmentation_warnings(still, ["left hand", "right hand"]))
    assert not list(augmentation_warnings(config, ["6", "9"]))  # both flips are one by one
    histology = load_config("smoke", ["grid.augmentations=[histology]"])
    (line,) = augmentation_warnings(histology, ["6", "9"])
    assert "D4 turns" in line
    assert "by half a turn" in line
    *_, line = augmentation_warnings(config, ["horizontal", "vertical"])
    assert "Rotate rotates copies by up to 5" in line
    plain = load_config("smoke", ["grid.augmentations=[none]"])
    assert not list(augmentation_warnings(plain, ["left hand", "right hand"]))
