"""Prediction preprocesses new images as in training, and reports the network used."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sweeper.cli import main
from sweeper.errors import StoreError
from sweeper.run.predictions import read_predictions
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell, choose
from sweeper.use.finished import FinishedRun
from sweeper.use.prediction import Predictor, predict

Captured = pytest.CaptureFixture[str]
CELLS = [
    f"{policy}/mobilenet/all/none/{strategy}/seed0"
    for policy in ("pooled", "grouped")
    for strategy in ("transfer", "finetune")
]


def store_of(run: FinishedRun) -> Store:
    return Store(run.config.store)


def file_of(run: FinishedRun, image_id: str) -> Path:
    images = pd.read_parquet(run.folder / "results" / "images.parquet")
    (path,) = images[images["image_id"] == image_id]["path"]
    (root,) = Path(run.config.store).glob("images/*/*/")
    return root / path


def at_temperature(chosen: ChosenCell, temperature: float) -> ChosenCell:
    return replace(chosen, row=chosen.row | {"temperature": temperature})


@pytest.mark.parametrize("cell", CELLS)
def test_a_test_image_gets_the_probabilities_that_the_run_stored(
    finished_run: FinishedRun, cell: str
) -> None:
    store = store_of(finished_run)
    chosen = at_temperature(choose(finished_run, store, cell), 1.0)  # as stored
    stored = read_predictions(store, chosen.spec)
    paths = [file_of(finished_run, image_id) for image_id in stored["image_id"]]
    found = predict(chosen, store, paths, finished_run.preprocessing("mobilenet"))
    scores = np.array([one.probabilities for one in found])
    np.testing.assert_allclose(scores, np.stack(stored["probabilities"]), atol=1e-3)
    assert np.abs(scores - np.roll(scores, 1, axis=0)).max() > 0.01  # images do differ


def test_predict_uses_the_pages_headline(
    finished_run: FinishedRun,
) -> None:
    chosen = choose(finished_run, store_of(finished_run))
    cells = pd.read_parquet(finished_run.folder / "results" / "cells.parquet")
    grouped = cells[cells["split_policy"] == "grouped"]
    assert chosen.cell.split_policy == "grouped"
    assert chosen.row["val_accuracy"] == grouped["val_accuracy"].max()
    assert "best on validation of 2 configurations" in chosen.summary()
    assert "test accuracy" in chosen.summary()


def test_a_cell_is_chosen_by_its_id_or_by_its_anchor_in_the_report(
    finished_run: FinishedRun,
) -> None:
    store = store_of(finished_run)
    for cell in CELLS:
        chosen = choose(finished_run, store, cell)
        assert chosen.cell.id == cell
        assert choose(finished_run, store, f"#{chosen.row['anchor']}").cell.id == cell
        assert (
            f'id="{chosen.row["anchor"]}"'
            in (finished_run.folder / "report" / "index.html").read_text()
        )


def test_a_cell_that_is_not_there_is_told_the_nearest(finished_run: FinishedRun) -> None:
    with pytest.raises(StoreError, match=r"did you mean grouped/mobilenet/all/none/transfer"):
        choose(finished_run, store_of(finished_run), "grouped/mobilenet/all/none/transfer/seed1")


def test_a_temperature_softens_and_keeps_the_order(finished_run: FinishedRun) -> None:
    store = store_of(finished_run)
    plain, warm = (at_temperature(choose(finished_run, store), value) for value in (1.0, 3.0))
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    before, after = (Predictor(one, store).probabilities(noise) for one in (plain, warm))
    expected = before ** (1 / 3)
    np.testing.assert_allclose(after, expected / expected.sum(1, keepdims=True), atol=1e-5)


def complaint(captured: Captured, *arguments: str) -> str:
    assert main(arguments) == 2
    (line,) = captured.readouterr().err.splitlines()
    return line.removeprefix("error: ")


def test_a_file_that_is_not_an_image_is_one_line(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured
) -> None:
    run = str(finished_run.folder)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    for path, words in {
        tmp_path / "gone.png": "no such file",
        tmp_path / "empty": "a folder without image files",
        tmp_path / "text.png": "not an image",
    }.items():
        line = complaint(capsys, "predict", run, str(path))
        assert line.startswith(f"image '{path}'")
        assert words in line


def test_a_missing_run_or_store_is_one_line(
    finished_run: FinishedRun, tmp_path: Path, capsys: Captured
) -> None:
    image = tmp_path / "new.png"
    Image.effect_noise((90, 70), 60).save(image)
    assert "no results/run.json" in complaint(capsys, "predict", str(tmp_path), str(image))
    line = complaint(
        capsys, "predict", str(finished_run.folder), str(image), "--store", str(tmp_path / "other")
    )
    assert "no such folder" in line
    assert "--store" in line


def test_a_bad_file_keeps_its_position_among_the_others(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    store = store_of(finished_run)
    paths = [tmp_path / name for name in ("a.png", "cut.jpg", "b.png")]
    for path in (paths[0], paths[2]):
        Image.effect_noise((90, 70), 60).save(path)
    paths[1].write_bytes(b"\xff\xd8\xff\xe0 cut")
    found = predict(
        choose(finished_run, store), store, paths, finished_run.preprocessing("mobilenet")
    )
    assert [one.path for one in found] == paths
    assert [bool(one.problem) for one in found] == [False, True, False]
    classes = len(finished_run.about["scenarios"]["all"])
    assert [len(one.probabilities) for one in found] == [classes, 0, classes]
