"""Contact sheets show images and their copies, stay small, and need no image that is gone."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.plan.previews import contact_sheets
from sweeper.store.store import Store
from tests.sweeper.folders import write_config, write_images

TILE, STEP = 112, 116


def plan_of(tmp_path: Path, *overrides: str) -> Plan:
    root = write_images(tmp_path / "images", {"left": 3, "middle": 3, "right": 3, "x": 3})
    config = load_config(write_config(tmp_path, root), overrides)
    store = Store(config.store)
    return Plan(config, collect(config.data, store), store)


def test_a_sheet_has_a_row_for_each_class_and_the_image_before_its_copies(tmp_path: Path) -> None:
    upside = "augmentations.upside.transforms=[{VerticalFlip: {p: 1}}]"
    plan = plan_of(tmp_path, upside, "grid.augmentations=[none, upside, fec-ige]")
    upside_down, fec_ige = contact_sheets(plan)
    assert [one.augmentation for one in (upside_down, fec_ige)] == ["upside", "fec-ige"]
    assert upside_down.classes == ["left", "middle", "right"]
    assert upside_down.transforms == ["VerticalFlip(p=1)"]
    assert not upside_down.warnings
    assert "HorizontalFlip turns" in fec_ige.warnings[0]
    sheet = np.asarray(Image.open(io.BytesIO(upside_down.image)).convert("L")).astype(float)
    assert sheet.shape == (upside_down.height, upside_down.width) == (3 * STEP - 4, 7 * STEP - 4)
    image, copy = sheet[:TILE, :TILE], sheet[:TILE, STEP : STEP + TILE]
    assert np.corrcoef(image[::-1].ravel(), copy.ravel())[0, 1] > 0.9
    assert sum(len(one.image) for one in (upside_down, fec_ige)) <= 140_000


def test_images_that_are_gone_leave_no_sheet(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    gone = plan.collection.images.assign(path="gone.png")
    plan.collection = replace(plan.collection, images=gone)
    assert not list(contact_sheets(plan))


def test_plan_writes_the_sheets_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_images(tmp_path / "images", {"a": 6, "b": 6})
    monkeypatch.chdir(tmp_path)
    assert main(["plan", write_config(tmp_path, root)]) == 0
    path = Path("runs", "four-cells", "augmentations", "fec-ige.jpg")
    assert f"copies by augmentation fec-ige: {path}" in capsys.readouterr().out
    assert Image.open(path).size == (7 * STEP - 4, 2 * STEP - 4)
    before = path.read_bytes()
    assert main(["plan", write_config(tmp_path, root), "--set", "preprocess.fit=crop"]) == 0
    assert path.read_bytes() != before
