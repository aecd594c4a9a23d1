"""`predict` on many files: readable ones are predicted, in each output format."""

import argparse
import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sweeper.cli import main
from sweeper.commands.predict import open_store
from sweeper.config.load import load_config
from sweeper.errors import StoreError
from sweeper.use.finished import FinishedRun

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(finished_run: FinishedRun, tmp_path: Path) -> Path:
    """An image of the run, noise, and a file that is not an image."""
    images = pd.read_parquet(finished_run.folder / "results" / "images.parquet")
    (root,) = Path(finished_run.config.store).glob("images/*/*/")
    folder = tmp_path / "new"
    folder.mkdir()
    shutil.copy(root / images["path"].iloc[0], folder / "a-known.png")
    noise = np.random.default_rng(0).integers(0, 256, (80, 60)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "b-noise.png")
    (folder / "c-bad.png").write_bytes(b"")
    return folder


def test_one_bad_file_in_a_folder_changes_the_exit_code_only(
    finished_run: FinishedRun, folder: Path, capsys: Captured
) -> None:
    assert main(["predict", str(finished_run.folder), str(folder), "--json"]) == 1
    captured = capsys.readouterr()
    results = json.loads(captured.out)
    known, noise, bad = results["images"]
    assert bad == {
        "path": str(folder / "c-bad.png"),
        "problem": "cannot be read as an image: empty file",
    }
    (line,) = captured.err.splitlines()
    assert line.startswith(f"error: image '{folder / 'c-bad.png'}'")
    for one in (known, noise):
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert one["predicted"] == max(one["probabilities"], key=one["probabilities"].get)
        assert list(one["probabilities"]) == finished_run.about["scenarios"]["all"]
        thresholds = {point["label"]: point["threshold"] for point in results["operating_points"]}
        assert one["at_operating_point"] == [
            name
            for name, probability in one["probabilities"].items()
            if thresholds[name] is not None and probability >= thresholds[name]
        ]
    assert known["known"]["how"] == "exact"
    assert (known["unlike"], noise["known"], noise["unlike"]) == (False, None, True)
    assert noise["distance"] > results["unlike_threshold"]["distance"]
    assert "random" in results["warnings"][0]


def test_the_text_marks_copies_and_unlike_images(
    finished_run: FinishedRun, folder: Path, capsys: Captured
) -> None:
    assert main(["predict", str(finished_run.folder), str(folder)]) == 1
    known, noise = capsys.readouterr().out.split("\n\n")[1:]
    assert "known to the run: a copy of " in known
    assert "unlike" not in known
    assert "known" not in noise
    assert "unlike all training images: feature distance" in noise
    assert "test images (" in noise
    assert "at its operating point (" in known + noise


@pytest.mark.parametrize("target", ["file", "-", None])
def test_a_table_has_a_row_for_each_image(
    finished_run: FinishedRun, folder: Path, capsys: Captured, tmp_path: Path, target: str | None
) -> None:
    path = tmp_path / "out.csv"
    option = {"file": [str(path)], "-": ["-"], None: []}[target]
    assert main(["predict", str(finished_run.folder), str(folder), "--csv", *option]) == 1
    printed = capsys.readouterr().out
    text = path.read_text(encoding="utf-8") if target == "file" else printed
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [Path(row["path"]).name for row in rows] == ["a-known.png", "b-noise.png", "c-bad.png"]
    names = finished_run.about["scenarios"]["all"]
    for row in rows[:2]:
        scores = {name: float(row[f"p({name})"]) for name in names}
        assert sum(scores.values()) == pytest.approx(1, abs=1e-4)
        assert row["predicted"] == max(scores, key=scores.__getitem__)
        assert float(row["probability"]) == max(scores.values())
    assert rows[0]["known"] == "exact"
    assert [row["unlike"] for row in rows] == ["false", "true", ""]
    assert rows[2]["problem"] == "cannot be read as an image: empty file"


def test_no_image_is_overwritten_by_a_table(
    finished_run: FinishedRun, folder: Path, capsys: Captured
) -> None:
    image = folder / "b-noise.png"
    before = image.read_bytes()
    arguments = ["predict", str(finished_run.folder), str(folder), "--csv", str(image)]
    assert main(arguments) == 2
    assert "expected a file that ends in .csv" in capsys.readouterr().err
    assert image.read_bytes() == before


def test_an_explanation_is_drawn_for_each_image_that_can_be_read(
    finished_run: FinishedRun, folder: Path, capsys: Captured, tmp_path: Path
) -> None:
    arguments = ["predict", str(finished_run.folder), str(folder), "--json", "--explain"]
    assert main([*arguments, "--out", str(tmp_path / "drawn")]) == 1
    images = json.loads(capsys.readouterr().out)["images"]
    drawn = [one["explanation"] for one in images if "explanation" in one]
    assert len(set(drawn)) == len(images) - 1 == 2
    for one in drawn:
        with Image.open(one) as drawing:
            assert drawing.width > 3 * 224
    assert all(isinstance(one["explanation_converged"], bool) for one in images[:2])


def test_if_all_files_are_bad_each_gets_a_line(
    finished_run: FinishedRun, folder: Path, capsys: Captured
) -> None:
    (folder / "text.png").write_text("no picture")
    bad = [str(folder / name) for name in ("c-bad.png", "text.png", "gone.png")]
    assert main(["predict", str(finished_run.folder), *bad]) == 2
    captured = capsys.readouterr()
    assert [line.split("'")[1] for line in captured.err.splitlines()] == bad
    assert captured.out == ""


@pytest.mark.parametrize("given", [None, "nowhere"])
def test_a_moved_store_is_reported_with_the_way_out(tmp_path: Path, given: str | None) -> None:
    gone = str(tmp_path / "gone")
    run = FinishedRun(tmp_path, {}, load_config("smoke", [f"store={gone}"]))
    with pytest.raises(StoreError) as caught:
        open_store(argparse.Namespace(store=given), run)
    assert str(caught.value) == (
        f"store '{given or gone}': cannot be read from (no such folder); specify the run's store "
        "with --store"
    )
