"""A trial: what determines it, and what running it leaves in the store."""

import io
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load

from datasets.augment import FEC_IGE, Augmentation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run import trial as trial_module
from sweeper.run.parts import TrialParts
from sweeper.run.trial import run_trial
from sweeper.store.artifact import key_of
from sweeper.store.records import split_target, write_split
from sweeper.store.store import Artifact, Store
from tests.trainables.recipe_options import OTHER_VALUES
from trainables import loop
from trainables.loop import probabilities
from trainables.registry import BACKBONES
from trainables.resident import RowMemory

DIM, IMAGES = 6, 20
TABLE = {"table": "by hand"}
SPEC = TrialSpec(
    store="unused",
    cell="cell",
    draw=1,
    strategy="transfer",
    split_key="split",
    source="pooled",
    table_key=key_of(TABLE),
    shards_key="shards",
    backbone_key="backbone",
    backbone="mobilenet",
    model_args=(("pad_type", "same"),),
    classes=2,
    hyperparameters={"lr": 0.03, "batch_size": 4, "hidden": (8,)},
    settings={"pooling": "max"},
    batchnorm_statistics="training_rows",
    epochs=5,
    epoch_rows=None,
    seed=3,
    online=False,
    augmentation=FEC_IGE,
    start_key=None,
    metric="accuracy",
    rungs=(2, 4),
    grace_epochs=2,
)
SETTINGS = {"pooling": "max", "depth": "suffix", "precision": "auto"}
FINETUNE = replace(SPEC, strategy="finetune", settings=SETTINGS, start_key="champion")

CHANGES: dict[str, Any] = {
    "split_key": "other",
    "table_key": "other",
    "classes": 3,
    "hyperparameters": {"lr": 0.04, "batch_size": 4, "hidden": (8,)},
    "epochs": 6,
    "epoch_rows": 12,
    "seed": 4,
    "batchnorm_statistics": "running_average",
    "metric": "log_loss",
}
FINETUNE_CHANGES: dict[str, Any] = {
    "backbone_key": "x",
    "settings": SETTINGS | {"precision": "float32"},
    "start_key": None,
}
DRAWS = tuple({name: value} for name, value in OTHER_VALUES.items())
FINETUNE_SETTINGS = (
    {"pooling": "avg"},
    {"depth": "all"},
    {"precision": "bfloat16"},
)
OTHER_COPIES = Augmentation.of([{"VerticalFlip": {"p": 0.5}}])
# Each only where those before it hold.
END_TO_END = {"source": "shards", "online": True, "augmentation": OTHER_COPIES}
WITHOUT_EFFECT: dict[str, Any] = {
    "store": "elsewhere",
    "cell": "other",
    "draw": 0,
    "rungs": (),
    "grace_epochs": 9,
}
IN_ANOTHER_KEY = {"shards_key": "x"}  # the table's
IN_THE_BACKBONES_KEY = {"backbone": "vgg16", "model_args": (), "network": BACKBONES["vgg16"]}


def test_a_trial_travels_as_json() -> None:
    assert TrialSpec.from_json(json.loads(json.dumps(FINETUNE.to_json()))) == FINETUNE


def test_every_field_of_a_trial_is_looked_at_below() -> None:
    known = {*CHANGES, *FINETUNE_CHANGES, *END_TO_END, *WITHOUT_EFFECT}
    known |= {*IN_THE_BACKBONES_KEY, *IN_ANOTHER_KEY, "strategy"}
    assert {field.name for field in fields(TrialSpec)} == known


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
@pytest.mark.parametrize("spec", [SPEC, FINETUNE], ids=["transfer", "finetune"])
def test_cell_draw_rungs_and_store_do_not_enter_the_key(spec: TrialSpec, name: str) -> None:
    other = replace(spec, **{name: WITHOUT_EFFECT[name]})
    assert other != spec
    assert (other.key, other.training_seed) == (spec.key, spec.training_seed)


@pytest.mark.parametrize("name", CHANGES)
def test_what_determines_a_transfer_trial_enters_its_key_and_its_seed(name: str) -> None:
    other = replace(SPEC, **{name: CHANGES[name]})
    assert other.key != SPEC.key
    assert other.training_seed != SPEC.training_seed


@pytest.mark.parametrize("name", CHANGES | FINETUNE_CHANGES)
def test_what_determines_a_finetuning_trial_enters_its_key(name: str) -> None:
    change = {**CHANGES, **FINETUNE_CHANGES}[name]
    assert replace(FINETUNE, **{name: change}).key != FINETUNE.key


@pytest.mark.parametrize("change", DRAWS, ids=str)
@pytest.mark.parametrize("spec", [SPEC, FINETUNE], ids=["transfer", "finetune"])
def test_every_hyperparameter_enters_the_key(spec: TrialSpec, change: dict[str, Any]) -> None:
    other = replace(spec, hyperparameters={**spec.hyperparameters, **change})
    assert other.key != spec.key


@pytest.mark.parametrize("change", FINETUNE_SETTINGS, ids=str)
def test_every_setting_of_finetuning_enters_its_key(change: dict[str, Any]) -> None:
    assert replace(FINETUNE, settings=SETTINGS | change).key != FINETUNE.key


def test_keys_are_those_of_the_stores_that_there_are() -> None:
    """A change of these loses what every store holds, and trains everything again."""
    assert SPEC.key == "dc8383c92030b8b8962af894cff1db48"
    assert FINETUNE.key == "40e1cab0b700ef4ec7f50a9102b96845"


@pytest.mark.parametrize("spec", [SPEC, FINETUNE], ids=["transfer", "finetune"])
def test_training_end_to_end_with_or_without_augmentation_are_other_trials(spec: TrialSpec) -> None:
    end_to_end = replace(spec, source="shards")
    online = replace(end_to_end, online=True)
    assert len({spec.key, end_to_end.key, online.key}) == 3
    settings = {**spec.settings, "pooling": "avg"}
    assert replace(online, settings=settings).key != online.key
    assert replace(online, augmentation=OTHER_COPIES).key != online.key
    assert replace(spec, augmentation=OTHER_COPIES).key == spec.key  # the shards' key has it


def test_a_cached_transfer_trial_has_its_pooling_in_the_tables_key() -> None:
    assert replace(SPEC, settings={"pooling": "avg"}).key == SPEC.key


def split_rows() -> pd.DataFrame:
    """Twenty images, the training ones in two copies; the class is the image's parity."""
    parts = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    rows = [
        (f"image{i:02d}", copy, part, i % 2)
        for i, part in enumerate(parts)
        for copy in range(2 if part == "train" else 1)
    ]
    return pd.DataFrame(rows, columns=["image_id", "copy", "part", "label"])


def prepare(
    root: Path, without: Sequence[str] = (), poison: float = 0.0, misleading: bool = False
) -> TrialSpec:
    """A store with a split and a pooled table of two parts; `without`: parts of the split that the
    table has no rows of. The features tell the classes apart; where they are `misleading`, those of
    training images tell the contrary."""
    store, split = Store(str(root)), split_rows()
    rows = split[~split["part"].isin(without)].sample(frac=1, random_state=0)
    noise = np.random.default_rng(0).normal(size=(len(rows), DIM))
    features = (noise * 0.1 + rows["label"].to_numpy()[:, None] * 2 - 1).astype(np.float32)
    features += poison
    if misleading:
        features[(rows["part"] == "train").to_numpy()] *= -1
    half = len(rows) // 2
    with store.writing("pooled", TABLE) as folder:
        for name, part in (("part-a.npy", features[:half]), ("part-b.npy", features[half:])):
            np.save(Path(folder) / name, part)
        index = rows[["image_id", "copy"]].assign(
            part=["part-a.npy"] * half + ["part-b.npy"] * (len(rows) - half),
            offset=[*range(half), *range(len(rows) - half)],
        )
        index.to_parquet(f"{folder}/index.parquet", index=False)
    target = split_target(split)
    write_split(store, target, split)
    return replace(SPEC, store=str(root), split_key=target.key)


def run(spec: TrialSpec) -> tuple[Store, Artifact, dict[str, Any], list[dict[str, Any]]]:
    """Run a trial; its store, artifact, record and reports."""
    reports: list[dict[str, Any]] = []
    run_trial(spec, reports.append)
    store = Store(spec.store)
    artifact = store.get("trials", spec.key)
    record = json.loads(store.read_file(f"{artifact.folder}/record.json"))
    return store, artifact, record, reports


def predictions(store: Store, artifact: Artifact) -> pd.DataFrame:
    data = store.read_file(f"{artifact.folder}/predictions.parquet")
    return pd.read_parquet(io.BytesIO(data))


def test_a_tracked_trial_reports_after_every_epoch(tmp_path: Path) -> None:
    reports: list[dict[str, Any]] = []
    run_trial(prepare(tmp_path), reports.append, every_epoch=True)
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4, 5, 5]
    assert [len(report["curve"]) for report in reports] == [1, 2, 3, 4, 5, 5]


def test_a_trial_leaves_a_record_with_its_curve(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    _, artifact, record, _ = run(spec)
    assert artifact.info == {"state": "done"}
    assert (record["state"], record["cell"], record["draw"]) == ("done", "cell", 1)
    assert [epoch["epoch"] for epoch in record["curve"]] == [1, 2, 3, 4, 5]
    assert record["val_accuracy"] == max(epoch["val_accuracy"] for epoch in record["curve"]) == 1.0
    assert record["hyperparameters"] == {"lr": 0.03, "batch_size": 4, "hidden": [8]}
    assert record["wall_s"] > 0
    assert record["images_per_s"] > 0


def test_a_trial_reports_at_its_rungs_and_at_its_end(tmp_path: Path) -> None:
    _, _, record, reports = run(prepare(tmp_path))
    assert [report["epoch"] for report in reports] == [2, 4, 5]
    assert [len(report["curve"]) for report in reports] == [2, 4, 5]
    assert reports[-1]["best_val_score"] == record["val_accuracy"]
    assert not any(report["failed"] for report in reports)


def test_a_trial_with_long_epochs_reports_each_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_module, "_REPORT_S", 0.0)
    _, _, _, reports = run(prepare(tmp_path))
    assert [report["epoch"] for report in reports] == [1, 2, 3, 4, 5, 5]


def test_predictions_are_of_the_validation_rows_and_no_other(tmp_path: Path) -> None:
    store, artifact, record, _ = run(prepare(tmp_path))
    found, split = predictions(store, artifact), split_rows()
    wanted = split[split["part"] == "val"]
    assert list(zip(found["image_id"], found["copy"], found["label"], strict=True)) == list(
        zip(wanted["image_id"], wanted["copy"], wanted["label"], strict=True)
    )
    assert not set(found["image_id"]) & set(split[split["part"] != "val"]["image_id"])
    assert (found["label"] == found["predicted"]).mean() == record["val_accuracy"]
    np.testing.assert_allclose(np.stack(found["probabilities"]).sum(1), 1, atol=1e-6)


def test_a_trial_never_asks_for_a_test_row(tmp_path: Path) -> None:
    _, _, record, _ = run(prepare(tmp_path, without=["test"]))
    assert record["state"] == "done"


def test_the_weights_and_predictions_are_those_of_the_best_epoch(tmp_path: Path) -> None:
    spec = prepare(tmp_path, misleading=True)
    store, artifact, record, _ = run(spec)
    assert record["best_epoch"] < spec.epochs
    weights = load(store.read_file(f"{artifact.folder}/weights.safetensors"))
    assert all(name.startswith("head.") for name in weights)
    parts = TrialParts(spec, store)
    rows = parts.rows(parts.part("val"))
    found = predictions(store, artifact)
    assert (found["label"] == found["predicted"]).mean() == record["val_accuracy"]
    scores = np.stack(found["probabilities"])
    np.testing.assert_allclose(probabilities(parts.trained(), rows).numpy(), scores, atol=1e-6)


def test_the_same_trial_gives_the_same_weights_anywhere(tmp_path: Path) -> None:
    bytes_of = []
    for name in ("here", "there"):
        store, artifact, _, _ = run(prepare(tmp_path / name))
        bytes_of.append(store.read_file(f"{artifact.folder}/weights.safetensors"))
    assert bytes_of[0] == bytes_of[1]


def test_a_trial_that_another_run_has_finished_is_told_and_not_trained_again(
    tmp_path: Path,
) -> None:
    spec = prepare(tmp_path)
    _, first, _, told = run(spec)
    _, artifact, _, told_again = run(spec)
    assert artifact.folder == first.folder
    assert told_again == [told[-1]]


def test_a_trial_that_has_failed_is_run_again(tmp_path: Path) -> None:
    spec = prepare(tmp_path, without=["val"])
    _, first, _, _ = run(spec)
    _, artifact, _, _ = run(spec)
    assert artifact.folder != first.folder


def test_a_trial_that_raises_is_stored_as_failed_with_its_traceback(tmp_path: Path) -> None:
    _, artifact, record, reports = run(prepare(tmp_path, without=["val"]))
    assert (record["state"], artifact.info) == ("failed", {"state": "failed"})
    assert record["error"].startswith("Traceback")
    assert "KeyError" in record["error"]
    assert [report["failed"] for report in reports] == [True]


def test_a_trial_that_diverges_says_so_and_fails(tmp_path: Path) -> None:
    _, _, record, reports = run(prepare(tmp_path, poison=float("inf")))
    assert reports[0]["finite"] is False
    assert record["state"] == "failed"
    assert "loss not finite in epoch 1" in record["error"]


def test_the_record_names_the_arithmetic(tmp_path: Path) -> None:
    _, _, record, _ = run(prepare(tmp_path))
    assert record["device"] == "cpu"
    assert record["arithmetic"] == {"device_type": "cpu", "precision": "float32", "tf32": False}


class FullDevice:
    """A device whose memory is exhausted by the first `times` trainings, with room for rows of
    `row_bytes`; `rooms`: the memory that the rows of each training may take."""

    def __init__(self, patch: pytest.MonkeyPatch, row_bytes: int, times: int = 1) -> None:
        self.rooms: list[int] = []
        self.released = 0
        train = loop.train

        def exhausted(*arguments: Any, **options: Any) -> loop.Fit:
            if len(self.rooms) <= times:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return train(*arguments, **options)

        def opened(*arguments: Any) -> TrialParts:
            parts = TrialParts(*arguments)
            self.rooms.append(parts.memory.total_bytes)
            return parts

        def release() -> None:
            self.released += 1

        patch.setattr(loop, "train", exhausted)
        patch.setattr(trial_module, "TrialParts", opened)
        patch.setattr(trial_module, "release_memory", release)
        patch.setattr(RowMemory, "of", lambda device, share: RowMemory(row_bytes))


def test_a_trial_that_exhausts_the_device_begins_again_without_rows_in_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FullDevice(monkeypatch, row_bytes=1 << 20)
    _, _, record, reports = run(prepare(tmp_path))
    assert device.rooms == [1 << 20, 0]
    assert device.released == 2  # before the second training, and at the end
    assert record["state"] == "done"
    assert [report["epoch"] for report in reports] == [2, 4, 5]


@pytest.mark.parametrize(("row_bytes", "times"), [(0, 1), (1 << 20, 2)])
def test_a_device_that_is_too_small_without_rows_is_left_to_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_bytes: int, times: int
) -> None:
    device, spec = FullDevice(monkeypatch, row_bytes, times), prepare(tmp_path)
    with pytest.raises(torch.OutOfMemoryError):
        run(spec)
    assert device.released == times  # also of what failed
    assert Store(spec.store).find("trials", spec.key) is None


def test_workers_that_share_a_trial_do_not_begin_again_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FullDevice(monkeypatch, row_bytes=1 << 20)
    with pytest.raises(torch.OutOfMemoryError):
        run_trial(prepare(tmp_path), lambda result: None, wrap=lambda module: module, workers=2)
    assert len(device.rooms) == 1


def test_a_worker_that_does_not_write_raises_instead(tmp_path: Path) -> None:
    spec = prepare(tmp_path, without=["val"])
    with pytest.raises(KeyError):
        run_trial(spec, lambda result: None, writes=False)
    assert Store(spec.store).find("trials", spec.key) is None
