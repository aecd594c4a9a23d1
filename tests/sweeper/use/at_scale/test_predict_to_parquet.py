"""Predictions at scale are those of `predict`, from folders and buckets, with and without Ray."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from sweeper.cli import main
from sweeper.errors import StoreError
from sweeper.progress import Progress
from sweeper.run.parts import TrialParts
from sweeper.store.address import open_address
from sweeper.store.store import Store
from sweeper.use.at_scale import listing
from sweeper.use.at_scale import predict as at_scale
from sweeper.use.at_scale.listing import list_images
from sweeper.use.at_scale.predict import Outcome, predict_to_parquet
from sweeper.use.chosen import ChosenCell, choose
from sweeper.use.finished import FinishedRun
from sweeper.use.known_images import KnownImages
from sweeper.use.novelty import Novelty
from sweeper.use.prediction import predict
from tests.one_ray import OneRay

Bucket = Callable[[], str]
Captured = pytest.CaptureFixture[str]
COUNT = 7


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "IMAGES_PER_PART", 3)


@pytest.fixture(scope="module", params=["transfer", "finetune"])
def chosen(finished_run: FinishedRun, request: pytest.FixtureRequest) -> ChosenCell:
    cell = f"grouped/mobilenet/all/none/{request.param}/seed0"
    return choose(finished_run, Store(finished_run.config.store), cell)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Noise in two folders, and a damaged file among it."""
    images = tmp_path / "images"
    (images / "more").mkdir(parents=True)
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (50, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(images / ("more" if number % 2 else "") / f"{number}.png")
    (images / "more" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    (images / "notes.txt").write_text("no image")
    return images


def predicted(
    run: FinishedRun,
    chosen: ChosenCell,
    images: str | Path,
    out: str | Path,
    embeddings: bool = False,
    without_ray: int = 1000,
) -> Outcome:
    store = Store(run.config.store)
    source = list_images([images])
    progress = Progress()
    return predict_to_parquet(
        run, chosen, store, source, str(out), embeddings, progress, without_ray
    )


def rows_in(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out).sort_values("path", ignore_index=True)


def test_rows_are_the_predictions_and_a_damaged_file_is_a_row(
    finished_run: FinishedRun, chosen: ChosenCell, folder: Path, tmp_path: Path
) -> None:
    outcome = predicted(finished_run, chosen, folder, tmp_path / "out", embeddings=True)
    assert outcome == Outcome(COUNT + 1, 1, 0)
    rows = rows_in(tmp_path / "out")
    paths = [Path(path) for path in rows["path"]]
    store = Store(finished_run.config.store)
    novelty = Novelty.of(finished_run, chosen, store)
    expected = predict(
        chosen, store, paths, finished_run.preprocessing("mobilenet"), novelty=novelty
    )
    for row, one in zip(rows.to_dict("records"), expected, strict=True):
        assert row["problem"] == one.problem
        if one.problem:
            assert row["probabilities"] is None
            continue
        assert row["probabilities"] == pytest.approx(one.probabilities, abs=1e-5)
        assert row["predicted"] == chosen.classes[one.best]
        assert row["distance"] == pytest.approx(one.distance, rel=1e-4)
        assert row["unlike"] == one.is_far
        assert len(row["embedding"]) == 1024
    assert list(rows["problem"]).count("") == COUNT


def test_embeddings_are_what_the_head_gets(
    finished_run: FinishedRun, folder: Path, tmp_path: Path
) -> None:
    store = Store(finished_run.config.store)
    cell = "grouped/mobilenet/all/none/transfer/seed0"
    chosen = choose(finished_run, store, cell)
    predicted(finished_run, chosen, folder, tmp_path / "out", embeddings=True)
    rows = rows_in(tmp_path / "out")
    rows = rows[rows["problem"] == ""]
    head = TrialParts(chosen.spec, store).trained().eval()
    with torch.no_grad():
        logits = head(torch.from_numpy(np.stack(rows["embedding"].to_list())))
    scores = (logits / chosen.temperature).softmax(1).numpy()
    np.testing.assert_allclose(scores, np.stack(rows["probabilities"].to_list()), atol=1e-5)


def test_ray_predicts_the_same_rows(
    finished_run: FinishedRun,
    chosen: ChosenCell,
    folder: Path,
    tmp_path: Path,
    one_ray: OneRay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predicted(finished_run, chosen, folder, tmp_path / "alone")
    monkeypatch.setattr(at_scale, "ray_session", one_ray.session)
    outcome = predicted(finished_run, chosen, folder, tmp_path / "out", without_ray=0)
    assert outcome == Outcome(COUNT + 1, 1, 0)
    found, expected = rows_in(tmp_path / "out"), rows_in(tmp_path / "alone")
    assert list(found["path"]) == list(expected["path"])
    assert list(found["problem"]) == list(expected["problem"])
    for one, other in zip(found["probabilities"], expected["probabilities"], strict=True):
        if other is not None:
            assert one == pytest.approx(other, abs=1e-5)


def test_a_bucket_is_predicted_into_a_bucket(
    finished_run: FinishedRun, folder: Path, tmp_path: Path, s3_bucket: Bucket
) -> None:
    chosen = choose(finished_run, Store(finished_run.config.store))
    address = s3_bucket()
    filesystem, root = open_address(address)
    pafs.copy_files(
        str(folder),
        f"{root}/images",
        source_filesystem=pafs.LocalFileSystem(),
        destination_filesystem=filesystem,
    )
    images, out = (address.replace("?", f"/{name}?", 1) for name in ("images", "out"))
    outcome = predicted(finished_run, chosen, images, out)
    assert outcome == Outcome(COUNT + 1, 1, 0)
    predicted(finished_run, chosen, folder, tmp_path / "out")
    expected = rows_in(tmp_path / "out")
    names = [info.path for info in filesystem.get_file_info(pafs.FileSelector(f"{root}/out"))]
    tables = [pq.read_table(name, filesystem=filesystem) for name in names if "part-" in name]
    found = pd.concat([table.to_pandas() for table in tables]).sort_values("path")
    paths = [str(path) for path in found["path"]]
    assert [path.rpartition("/images/")[2] for path in paths] == [
        Path(str(path)).relative_to(folder).as_posix() for path in expected["path"]
    ]
    assert all(path.startswith("s3://") for path in paths)
    assert list(found["predicted"].fillna("")) == list(expected["predicted"].fillna(""))
    assert list(found["problem"]) == list(expected["problem"])
    assert predicted(finished_run, chosen, images, out).reused == COUNT + 1


def test_an_interrupted_prediction_goes_on_and_changed_files_are_predicted_again(
    finished_run: FinishedRun, folder: Path, tmp_path: Path
) -> None:
    chosen = choose(finished_run, Store(finished_run.config.store))
    out = tmp_path / "out"
    predicted(finished_run, chosen, folder, out)
    about = json.loads((out / "_predictions.json").read_text())
    assert sorted(about["parts"]) == sorted(path.name for path in out.glob("part-*"))
    first = out / about["parts"][0]
    kept = {path: path.stat().st_mtime_ns for path in out.glob("part-*") if path != first}
    first.unlink()
    assert predicted(finished_run, chosen, folder, out).reused == COUNT + 1 - 3
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert first.exists()
    Image.effect_noise((40, 40), 60).save(folder / "0.png")
    assert predicted(finished_run, chosen, folder, out).reused == COUNT + 1 - 3
    assert not first.exists()  # no row of the file as it was is left
    assert len(rows_in(out)) == COUNT + 1


def test_images_of_the_run_are_known_by_bytes_and_by_pixels(finished_run: FinishedRun) -> None:
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store)
    known = at_scale._known(KnownImages(finished_run, chosen, store))
    results = finished_run.folder / "results"
    splits = pd.read_parquet(results / "splits.parquet")
    own = splits[(splits["split_policy"] == chosen.cell.split_policy) & (splits["copy"] == 0)]
    part_of = dict(zip(own["image_id"], own["part"], strict=True))
    for row in pd.read_parquet(results / "images.parquet").itertuples():
        assert known[str(row.pixel_hash)] == (row.path, part_of[row.image_id])
        assert known[str(row.image_id).partition("-")[0]] == (row.path, part_of[row.image_id])


def test_a_folder_with_other_files_is_left_alone(
    finished_run: FinishedRun, folder: Path, tmp_path: Path
) -> None:
    chosen = choose(finished_run, Store(finished_run.config.store))
    with pytest.raises(StoreError, match="contains other files"):
        predicted(finished_run, chosen, folder, folder)
    assert not list(folder.glob("*.parquet"))


def test_the_command_prints_counts_and_refuses_what_cannot_be(
    finished_run: FinishedRun, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    run, out = str(finished_run.folder), str(tmp_path / "out")
    assert main(["predict", run, str(folder), "--parquet", out]) == 1
    assert f"{COUNT} of {COUNT + 1} images: {out}" in capsys.readouterr().out
    for arguments, complaint in (
        (["s3://bucket/images"], "a bucket is predicted to Parquet; add --parquet"),
        ([str(folder), "--embeddings"], "--embeddings: needs --parquet"),
        ([str(folder), "--parquet", out, "--explain"], "cannot be combined with --parquet"),
        (["s3://b/a", str(folder), "--parquet", out], "a bucket is predicted alone"),
        ([str(tmp_path / "out"), "--parquet", out + "2"], "a folder without image files"),
    ):
        assert main(["predict", run, *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line
