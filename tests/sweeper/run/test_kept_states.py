"""A trial whose process is lost, continued from its state in the store."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from sweeper.plan.artifacts import checkpoint
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.trial import run_trial
from sweeper.store.store import Store
from tests.sweeper.run.test_trial import prepare
from trainables.rows import IndexedRows


class Lost(BaseException):
    """The process is gone: nothing of it is recorded."""


def run(spec: TrialSpec, lost_after: int | None = None, checkpoint_s: float | None = 0.0) -> int:
    """Run a trial until it ends or is lost; returns the length of its last reported curve."""
    reported = 0

    def report(result: Mapping[str, Any]) -> None:
        nonlocal reported
        reported = result["epoch"]
        if lost_after is not None and result["epoch"] > lost_after:
            raise Lost

    try:
        run_trial(spec, report, every_epoch=True, checkpoint_s=checkpoint_s)
    except Lost:
        assert Store(spec.store).find("trials", spec.key) is None
    return reported


def result(spec: TrialSpec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Record, without times, and weights."""
    store = Store(spec.store)
    artifact = store.get("trials", spec.key)
    record = json.loads(store.read(artifact, "record.json"))
    for epoch in record["curve"]:
        del epoch["epoch_s"]
    kept = {name: record[name] for name in ("curve", "best_epoch", "val_accuracy", "state")}
    return kept, load(store.read(artifact, "weights.safetensors"))


def states(spec: TrialSpec) -> list[Path]:
    """The files of checkpoints in the store."""
    return [path for path in Path(spec.store, "checkpoints").rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = prepare(tmp_path_factory.mktemp("unbroken"))
    run(spec, checkpoint_s=None)
    assert not states(spec)
    return result(spec)


def assert_same(spec: TrialSpec, expected: tuple[dict[str, Any], dict[str, Any]]) -> None:
    record, weights = result(spec)
    assert record == expected[0]
    assert all((weights[name] == value).all() for name, value in expected[1].items())


def test_a_lost_trial_continues_and_ends_like_an_unbroken_one(
    tmp_path: Path, unbroken: tuple[dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = prepare(tmp_path)
    assert run(spec, lost_after=3) == 4
    assert len(states(spec)) == 3  # of the last state only: its record and two files
    passes: list[int] = []
    shuffled = IndexedRows.shuffled
    monkeypatch.setattr(
        IndexedRows, "shuffled", lambda *given: passes.append(1) or shuffled(*given)
    )
    run(spec)
    assert len(passes) == 2  # of five epochs
    assert_same(spec, unbroken)
    assert not states(spec)


def test_a_damaged_state_is_not_continued_and_stops_nothing(
    tmp_path: Path, unbroken: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    spec = prepare(tmp_path)
    run(spec, lost_after=3)
    (tensors,) = [path for path in states(spec) if path.name == "tensors.safetensors"]
    data = bytearray(tensors.read_bytes())
    data[len(data) // 2] ^= 1
    tensors.write_bytes(data)
    run(spec)
    assert_same(spec, unbroken)
    assert not Store(spec.store).damaged()  # which would have the whole run repeated


def test_a_state_of_another_type_of_device_is_not_continued(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    assert checkpoint(spec, "cpu").key != checkpoint(spec, "cuda").key


def test_no_state_is_kept_of_a_short_trial_or_of_one_that_failed(tmp_path: Path) -> None:
    spec = prepare(tmp_path / "short")
    run(spec, lost_after=3, checkpoint_s=600.0)
    assert not states(spec)
    poisoned = prepare(tmp_path / "poisoned", poison=float("nan"))
    run(poisoned)
    assert not states(poisoned)


def test_the_time_of_all_processes_counts(tmp_path: Path) -> None:
    spec = prepare(tmp_path)
    run(spec, lost_after=3)
    (file,) = [path for path in states(spec) if path.name == "values.json"]
    before_s = json.loads(file.read_text())["wall_s"]
    assert before_s > 0
    run(spec)
    store = Store(spec.store)
    record = json.loads(store.read(store.get("trials", spec.key), "record.json"))
    assert record["wall_s"] > before_s
