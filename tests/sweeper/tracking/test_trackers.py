"""What the trackers write can be read by their own readers: the same numbers, each once."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import ResourceError
from sweeper.tracking import TRACKERS
from sweeper.tracking.tracker import EPOCH_COLUMNS, CellResult, TrialName
from sweeper.tracking.tracking import Tracking

CELL = "grouped/vgg16/all/none/transfer/seed0"
TRIALS = [TrialName(f"key{draw}", CELL, draw, {"lr": 0.1 / (draw + 1)}) for draw in range(2)]
RESULT = CellResult(TRIALS[1], {"accuracy": 0.75, "f1": 0.5}, b"weights", "weights.safetensors")


def _curve(trial: TrialName) -> list[dict[str, float]]:
    return [
        {name: epoch + trial.draw / 10 + i / 100 for i, name in enumerate(EPOCH_COLUMNS)}
        for epoch in range(1, 4)
    ]


def _run(targets: dict[str, str], folder: Path) -> None:
    """A run that is killed after two epochs, resumed, and run once more."""
    page = folder / "index.html"
    page.write_text("<p>the page</p>")
    for length in (2, 3, 3):
        tracking = Tracking(targets, "sweep", folder, pytest.fail)
        for trial in TRIALS:
            tracking.epochs(trial, _curve(trial)[:1])
            tracking.epochs(trial, _curve(trial)[:length])
        if length == 3:
            tracking.cell(RESULT)
            tracking.page(page)
        tracking.close()


def test_every_tracker_has_a_test_here() -> None:
    assert set(TRACKERS) == {"tensorboard", "mlflow", "wandb"}


# --- TensorBoard ---------------------------------------------------------------------------


def _events(folder: Path) -> list[Any]:
    """The events of all files: records of length, checksum, message and checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = Event()
            event.ParseFromString(data[12 : 12 + length])
            found.append(event)
            data = data[12 + length + 4 :]
    return found


def _scalars(folder: Path) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, round(value.simple_value, 4))
        for event in _events(folder)
        for value in event.summary.value
        if value.HasField("simple_value")
    ]


def test_tensorboard_has_every_epoch_of_every_trial_once(tmp_path: Path) -> None:
    _run({"tensorboard": str(tmp_path / "board")}, tmp_path)
    for trial in TRIALS:
        found = _scalars(tmp_path / "board" / "sweep" / trial.text)
        curve = _curve(trial)
        assert sorted(step for tag, step, _ in found if tag == "loss/val") == [1, 2, 3]
        assert len(found) == len(set(found)) == 3 * len(EPOCH_COLUMNS)
        for epoch, row in enumerate(curve, start=1):
            assert ("loss/train", epoch, round(row["train_loss"], 4)) in found
            assert ("lr", epoch, round(row["lr"], 4)) in found


def test_tensorboard_has_every_epoch_as_soon_as_it_is_noted(tmp_path: Path) -> None:
    """So that what a killed run has noted is there."""
    tracking = Tracking({"tensorboard": str(tmp_path / "board")}, "sweep", tmp_path, pytest.fail)
    for length in (1, 2, 3):
        tracking.epochs(TRIALS[0], _curve(TRIALS[0])[:length])
        found = _scalars(tmp_path / "board")
        assert len(found) == length * len(EPOCH_COLUMNS)


def test_tensorboard_has_the_result_of_a_cell_once(tmp_path: Path) -> None:
    _run({"tensorboard": str(tmp_path / "board")}, tmp_path)
    found = [one for one in _scalars(tmp_path / "board") if one[0].startswith("test/")]
    assert sorted(found) == [("test/accuracy", 0, 0.75), ("test/f1", 0, 0.5)]


def test_tensorboards_own_reader_finds_the_curves(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    _run({"tensorboard": str(tmp_path / "board")}, tmp_path)
    found = reader.EventAccumulator(str(tmp_path / "board" / "sweep" / TRIALS[0].text)).Reload()
    losses = [(one.step, round(one.value, 4)) for one in found.Scalars("loss/val")]
    assert losses == [(n, round(row["val_loss"], 4)) for n, row in enumerate(_curve(TRIALS[0]), 1)]


def test_a_folder_that_cannot_be_written_to_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    tracking = Tracking({"tensorboard": str(tmp_path / "file")}, "run", tmp_path, warnings.append)
    tracking.epochs(TRIALS[0], _curve(TRIALS[0]))
    assert len(warnings) == 1
    assert warnings[0].startswith("tracking.tensorboard: ")


# --- MLflow --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server."""
    pytest.importorskip("mlflow.server")
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/health", process, folder / "log")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait(timeout=30)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"MLflow does not answer:\n{log.read_text()[-2000:]}")


def test_mlflow_has_every_epoch_the_result_the_model_and_the_page_once(
    server: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    _run({"mlflow": server}, tmp_path)
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("sweep")
    assert experiment
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"sweep", *(trial.text for trial in TRIALS)}
    for trial in TRIALS:
        run = runs[trial.text]
        assert run.data.params == {"cell": CELL, "lr": str(trial.hyperparameters["lr"])}
        assert run.data.tags["mlflow.parentRunId"] == runs["sweep"].info.run_id
        for name in EPOCH_COLUMNS:
            history = client.get_metric_history(run.info.run_id, name)
            found = sorted((one.step, round(one.value, 4)) for one in history)
            assert found == [(n, round(row[name], 4)) for n, row in enumerate(_curve(trial), 1)]
    best = runs[TRIALS[1].text]
    assert best.data.metrics["test_accuracy"] == 0.75
    assert best.info.status == "FINISHED"
    assert "test_accuracy" not in runs[TRIALS[0].text].data.metrics
    model = client.list_artifacts(best.info.run_id, "model")
    assert [one.path for one in model] == ["model/weights.safetensors"]
    page = client.list_artifacts(runs["sweep"].info.run_id, "report")
    assert [one.path for one in page] == ["report/index.html"]


def test_a_server_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ResourceError, match=r"^tracking.mlflow='http://127.0.0.1:9': cannot be op"):
        Tracking({"mlflow": "http://127.0.0.1:9"}, "run", tmp_path, print)


# --- Weights & Biases ----------------------------------------------------------------------


def test_wandb_has_every_epoch_and_the_result_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_SILENT", "true")
    _run({"wandb": "project"}, tmp_path)
    history, summary, files = _offline(tmp_path)
    for trial in TRIALS:
        name = f"{trial.text}/epoch"
        rows = [row for row in history if name in row]
        assert [row[name] for row in rows] == [1, 2, 3]
        losses = [row[f"{trial.text}/val_loss"] for row in rows]
        assert losses == pytest.approx([row["val_loss"] for row in _curve(trial)])
    assert summary[f"{CELL}/test_accuracy"] == 0.75
    assert {"weights.safetensors", "index.html"} <= files


def _offline(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any], set[str]]:
    """The history, the summary and the artifacts' files of all offline runs."""
    from wandb.proto.wandb_internal_pb2 import Record

    history: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    files: set[str] = set()
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda p: p.stat().st_mtime):
        for data in _records(path.read_bytes()):
            record = Record()
            record.ParseFromString(data)
            if row := _values(record.history.item):
                history.append(row)
            summary |= _values(record.summary.update)
            artifacts = record.artifact, record.request.log_artifact.artifact
            files |= {one.path for own in artifacts for one in own.manifest.contents}
    return history, summary, files


def _values(items: Any) -> dict[str, Any]:
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a W&B file: a LevelDB log, blocks of 32 KiB, behind a header of 7 bytes."""
    position, parts = 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""
