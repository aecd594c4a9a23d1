"""Champions on an external test set: what is tested, what is left out, and the page."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

from datasets.drawn.synthetic import write_synthetic
from datasets.errors import DataError
from reports.page import build_page
from reports.run import load_run, records
from reports.sections.external import external_of
from reports.tables import read_tables
from sweeper.cli import main
from sweeper.config.schema import DataSection
from sweeper.progress import Progress
from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use.chosen import choose
from sweeper.use.external import add_test_set, leading_cells, match_classes
from sweeper.use.finished import FinishedRun, read_run

pytestmark = pytest.mark.ray
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A copy of the run, whose tables the tests change."""
    folder = tmp_path_factory.mktemp("external") / "run"
    shutil.copytree(finished_run.folder, folder)
    return read_run(folder)


def classes_of(run: FinishedRun) -> list[str]:
    """Of the scenario of the cell that is tested."""
    (classes,) = run.about["scenarios"].values()
    return list(classes)


@pytest.fixture(scope="module")
def hospital(run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """New drawings of two of the scenario's classes, images of a class that is unknown, and two
    training images: one as it is, one altered."""
    folder = tmp_path_factory.mktemp("sets") / "hospital_b"
    write_synthetic(folder, images_per_class=5, seed=77)
    classes = classes_of(run)
    for path in folder.iterdir():
        if path.name not in classes[:2]:
            shutil.rmtree(path)
    (folder / classes[0]).rename(folder / classes[0].upper().replace(" ", "_"))
    rng = np.random.default_rng(0)
    (folder / "osteosarcoma").mkdir()
    for number in range(2):
        noise = Image.fromarray(rng.integers(0, 256, (90, 90)).astype(np.uint8))
        noise.save(folder / "osteosarcoma" / f"{number}.png")
    store = Store(run.config.store)
    chosen = choose(run, store, leading_cells(run)[0])
    split = read_split(store, chosen.spec.split_key)
    images = pd.read_parquet(run.folder / "results" / "images.parquet").set_index("image_id")
    train = [
        i
        for i in split.loc[split["part"] == "train", "image_id"].unique()
        if images.loc[i, "class"] == classes[1]
    ]
    (root,) = Path(run.config.store).glob("images/*/*/")
    shutil.copy(root / images.loc[train[0], "path"], folder / classes[1] / "known.jpg")
    picture = Image.open(root / images.loc[train[1], "path"])
    picture.crop((3, 3, picture.width - 3, picture.height - 3)).save(
        folder / classes[1] / "near.png"
    )
    return folder


@pytest.fixture(scope="module")
def lines(run: FinishedRun, hospital: Path) -> list[str]:
    store, cells = Store(run.config.store), [leading_cells(run)[0]]
    data = DataSection(path=str(hospital))
    tested = add_test_set(run, store, "hospital_b", data, cells, Progress())
    build_page(run.folder)
    return [line for one in tested for line in one.lines]


def tables(run: FinishedRun) -> dict[str, pd.DataFrame]:
    return read_tables(run.folder / "results")


@pytest.mark.usefixtures("lines")
def test_metrics_are_those_of_the_predictions_with_and_without_copies(run: FinishedRun) -> None:
    found, metrics = tables(run)["external"], tables(run)["external_metrics"]
    new = found[~found["known_part"].isin(["train", "val"])]
    assert len(found) - len(new) == 2
    for subset, rows in (("all", found), ("new", new)):
        own = metrics[metrics["subset"] == subset].set_index("metric")
        assert own.loc["accuracy", "value"] == accuracy_score(rows["label"], rows["predicted"])
        assert own.loc["accuracy", "rows"] == len(rows)
        classes = classes_of(run)
        probabilities = np.array(list(rows["probabilities"]), float)
        number = [classes.index(name) for name in rows["label"]]
        expected = log_loss(number, probabilities, labels=range(len(classes)))
        assert own.loc["log_loss", "value"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("lines")
def test_the_internal_figures_are_those_of_the_cell(run: FinishedRun) -> None:
    metrics = tables(run)["external_metrics"]
    cell = choose(run, Store(run.config.store), leading_cells(run)[0]).row
    own = metrics[metrics["subset"] == "all"].set_index("metric")
    for name in ("accuracy", "balanced_accuracy", "log_loss", "log_loss_scaled", "ece"):
        assert own.loc[name, "internal"] == pytest.approx(cell[name])
    row = own.loc["accuracy"]
    assert row["difference"] == pytest.approx(row["value"] - row["internal"])
    assert row["difference_low"] < row["difference"] < row["difference_high"]


def test_copies_unknown_and_missing_classes_are_told(lines: list[str], run: FinishedRun) -> None:
    classes = classes_of(run)
    text = "\n".join(lines)
    assert "2 images left out, of classes unknown to the network ('osteosarcoma')" in text
    assert f"no image of {classes[2]!r}, {classes[3]!r}" in text
    assert f" and {len(classes) - 2 - 5} more: not tested" in text
    assert "2 of 12 images are copies of images that the network was trained on" in text
    found = tables(run)["external"].set_index("path")["known"]
    assert found[f"{classes[1]}/known.jpg"] == "exact"
    assert found[f"{classes[1]}/near.png"] == "near"


@pytest.mark.usefixtures("lines")
def test_the_drift_of_classes_and_features_is_measured(run: FinishedRun) -> None:
    drift = {(row["kind"], row["class"]): row for row in records(tables(run)["drift"])}
    assert drift["class", classes_of(run)[2]]["external"] == 0
    shares = [row for (kind, _), row in drift.items() if kind == "class"]
    apart = sum(abs(row["external"] - row["internal"]) for row in shares) / 2
    assert drift["class mix", ""]["external"] == pytest.approx(apart)
    assert 0 <= drift["farther", ""]["external"] <= 1


@pytest.mark.usefixtures("lines")
def test_the_page_shows_both_figures(run: FinishedRun) -> None:
    (one,) = external_of(load_run(run.folder)) or []
    (entry,) = one.entries
    assert [text.rpartition(",")[0] for text in entry.subsets] == [
        "all",
        "without copies of training images",
    ]
    assert 'id="external"' in (run.folder / "report" / "index.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("lines")
def test_a_set_that_was_tested_is_not_tested_again_until_its_images_change(
    run: FinishedRun, hospital: Path, tmp_path: Path
) -> None:
    store, cells = Store(run.config.store), [leading_cells(run)[0]]

    def count(folder: Path) -> int:
        data = DataSection(path=str(folder))
        return len(add_test_set(run, store, "hospital_b", data, cells, Progress(), again=False))

    before = len(tables(run)["external"])
    assert count(hospital) == 0
    assert len(tables(run)["external"]) == before
    fewer = shutil.copytree(hospital, tmp_path / "fewer")
    (fewer / classes_of(run)[1] / "known.jpg").unlink()
    assert count(fewer) == 1
    assert len(tables(run)["external"]) == before - 1


def test_the_command_tests_and_prints(run: FinishedRun, hospital: Path, capsys: Captured) -> None:
    cell = leading_cells(run)[0]
    assert main(["test", str(run.folder), str(hospital), "--name", "b", "--cell", cell]) == 0
    out = capsys.readouterr().out
    assert "all images: accuracy" in out
    assert "without copies of training images: accuracy" in out
    assert "#external" in out
    assert main(["test", str(run.folder), str(hospital.parent / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_set_without_a_known_class_is_refused(run: FinishedRun, tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (60, 60)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "cats" / "1.png")
    with pytest.raises(DataError, match=r"none of its classes \(cats\) is one of"):
        add_test_set(
            run,
            Store(run.config.store),
            "cats",
            DataSection(path=str(tmp_path)),
            leading_cells(run)[:1],
            Progress(),
        )


def test_classes_are_matched_in_any_spelling_that_is_clear() -> None:
    classes = ["Spiral Fracture", "a-b", "a b"]
    assert match_classes(["spiral_fracture", "A B", "a b", "x"], classes) == {
        "spiral_fracture": "Spiral Fracture",
        "a b": "a b",
    }
