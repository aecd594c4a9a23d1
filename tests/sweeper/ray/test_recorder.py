"""What is recorded of trials that do not record themselves."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.ray.asha import CellAsha
from sweeper.ray.recorder import Recorder
from sweeper.store.records import write_record
from sweeper.store.store import Store
from tests.sweeper.by_hand import epochs
from tests.sweeper.run.test_trial import SPEC

DIED = "The actor died unexpectedly before finishing this task."


@dataclass
class FakeTrial:
    """As much of a Tune trial as the recorder looks at."""

    error_file: str | None = None
    config: dict[str, Any] = field(default_factory=lambda: {"trial": {"key": SPEC.key}})

    def get_error(self) -> str | None:
        return None


SPEC_KEY = SPEC.key


@pytest.fixture
def ended() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def recorder_of(tmp_path: Path, ended: list[tuple[str, str]]) -> Callable[[int], Recorder]:
    specs = {SPEC_KEY: replace(SPEC, store=str(tmp_path))}

    def build(retries: int) -> Recorder:
        return Recorder(specs, CellAsha(), lambda key, state: ended.append((key, state)), retries)

    return build


def recorded(folder: Path) -> dict[str, Any] | None:
    store = Store(str(folder))
    artifact = store.find("trials", SPEC_KEY)
    if artifact is None:
        return None
    record: dict[str, Any] = json.loads(store.read_file(f"{artifact.folder}/record.json"))
    return record


def die(recorder: Recorder) -> None:
    """As Tune tells that a trial's process died: the reason is in a file."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(f"Failure # 1 (occurred at 2026-01-01_10-00-00)\n{DIED}\n")
        file.flush()
        recorder.on_trial_error(0, [], FakeTrial(file.name))  # type: ignore[arg-type]


def test_each_result_hands_on_the_trials_curve(tmp_path: Path) -> None:
    found: list[tuple[str, int]] = []
    recorder = Recorder(
        {SPEC_KEY: SPEC},
        CellAsha(),
        lambda key, state: None,
        0,
        lambda spec, curve: found.append((spec.key, len(curve))),
    )
    for length in (1, 2):
        result = {"curve": [{}] * length, "failed": False, "finite": True}
        recorder.on_trial_result(0, [], FakeTrial(""), result)  # type: ignore[arg-type]
    assert found == [(SPEC_KEY, 1), (SPEC_KEY, 2)]


def test_a_trial_that_died_is_given_back_and_recorded_nowhere(
    recorder_of: Callable[[int], Recorder], tmp_path: Path, ended: list[tuple[str, str]]
) -> None:
    recorder = recorder_of(1)
    die(recorder)
    assert list(recorder.to_repeat()) == [SPEC_KEY]
    assert recorder.to_repeat() == {}
    assert recorded(tmp_path) is None
    assert ended == []


@pytest.mark.parametrize("file", [None, "/nowhere/error.txt"])
def test_a_trial_of_which_nobody_tells_why_it_ended_is_given_back(
    recorder_of: Callable[[int], Recorder],
    tmp_path: Path,
    ended: list[tuple[str, str]],
    file: str | None,
) -> None:
    recorder = recorder_of(1)
    recorder.on_trial_error(0, [], FakeTrial(file))  # type: ignore[arg-type]
    assert list(recorder.to_repeat()) == [SPEC_KEY]
    assert recorded(tmp_path) is None
    assert ended == []


def test_once_too_often_it_is_recorded_with_what_it_had(
    recorder_of: Callable[[int], Recorder], tmp_path: Path, ended: list[tuple[str, str]]
) -> None:
    recorder = recorder_of(1)
    result = {"curve": epochs(0.4, 0.6), "failed": False, "finite": True}
    recorder.on_trial_result(0, [], FakeTrial(), result)  # type: ignore[arg-type]
    die(recorder)
    die(recorder)
    record = recorded(tmp_path)
    assert record is not None
    assert (record["state"], len(record["curve"])) == ("failed", 2)
    assert record["error"] == f"its process died or ran out of memory (2 times):\n{DIED}"
    assert ended == [(SPEC_KEY, "failed")]


def test_death_after_the_last_write_does_not_undo_it(
    recorder_of: Callable[[int], Recorder], tmp_path: Path, ended: list[tuple[str, str]]
) -> None:
    write_record(Store(str(tmp_path)), **SPEC.identity, state="done", curve=epochs(0.9))
    recorder = recorder_of(0)
    die(recorder)
    record = recorded(tmp_path)
    assert record is not None
    assert record["state"] == "done"
    assert recorder.to_repeat() == {}
    assert ended == [(SPEC_KEY, "done")]


@pytest.mark.parametrize(("finite", "state"), [(True, "stopped"), (False, "failed")])
def test_a_trial_stopped_for_its_loss_is_failed(
    recorder_of: Callable[[int], Recorder],
    tmp_path: Path,
    ended: list[tuple[str, str]],
    finite: bool,
    state: str,
) -> None:
    recorder = recorder_of(0)
    result = {"curve": epochs(0.4), "failed": False, "finite": finite}
    recorder.on_trial_result(0, [], FakeTrial(), result)  # type: ignore[arg-type]
    recorder.scheduler.stopped[SPEC_KEY] = "why"
    recorder.on_trial_complete(0, [], FakeTrial())  # type: ignore[arg-type]
    record = recorded(tmp_path)
    assert record is not None
    assert (record["state"], record["error"]) == (state, "why")
    assert ended == [(SPEC_KEY, state)]
