"""Each tracker is given every epoch, cell and page once, however often a run is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import ResourceError
from sweeper.tracking import TRACKERS
from sweeper.tracking.tracker import (
    EPOCH_COLUMNS,
    CellResult,
    Curve,
    Entry,
    State,
    TrialName,
    points,
)
from sweeper.tracking.tracking import Tracking

TRIAL = TrialName("key0", "grouped/vgg16/all/none/transfer/seed0", 1, {"lr": 0.001})
CURVE = [dict.fromkeys(EPOCH_COLUMNS, float(epoch)) for epoch in range(1, 6)]


class Notes:
    """Remembers what it is given."""

    def __init__(self, target: str, run: str, state: State) -> None:
        self.state = state
        state.setdefault("opened", 0)
        state["opened"] += 1
        self.given: list[Any] = GIVEN
        self.is_down = False

    def epochs(self, trial: TrialName, first: int, curve: Curve) -> None:
        self._answer()
        self.given += [("epoch", trial.key, first + i, row["lr"]) for i, row in enumerate(curve)]

    def cell(self, result: CellResult) -> None:
        self._answer()
        self.given.append(("cell", result.champion.cell, result.champion.key))

    def page(self, page: Path) -> None:
        self._answer()
        self.given.append(("page", page.read_text()))

    def close(self) -> None:
        self.given.append(("close",))

    def _answer(self) -> None:
        if DOWN:
            raise ConnectionError("no answer")


GIVEN: list[Any] = []
DOWN: list[bool] = []


@pytest.fixture(autouse=True)
def notes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    GIVEN.clear()
    DOWN.clear()
    monkeypatch.setitem(TRACKERS, "notes", Entry("notes", "nothing", "json", "", Notes))
    monkeypatch.setitem(TRACKERS, "absent", Entry("absent", "?", "no_such_package", "x", Notes))
    return GIVEN


def _tracking(folder: Path, warnings: list[str] | None = None) -> Tracking:
    said = warnings if warnings is not None else []
    return Tracking({"notes": "here"}, "run", folder, said.append)


def _result(key: str) -> CellResult:
    champion = TrialName(key, TRIAL.cell, 0, {})
    return CellResult(champion, {"accuracy": 0.5}, b"weights", "weights.safetensors")


def test_a_growing_curve_is_logged_epoch_by_epoch(tmp_path: Path, notes: list[Any]) -> None:
    tracking = _tracking(tmp_path)
    for length in (1, 2, 2, 5):
        tracking.epochs(TRIAL, CURVE[:length])
    assert notes == [("epoch", "key0", epoch, float(epoch)) for epoch in range(1, 6)]


def test_a_resumed_run_logs_nothing_twice(tmp_path: Path, notes: list[Any]) -> None:
    page = tmp_path / "index.html"
    page.write_text("one")
    for _ in range(3):
        tracking = _tracking(tmp_path)
        tracking.epochs(TRIAL, CURVE)
        tracking.cell(_result("key0"))
        tracking.page(page)
        tracking.close()
    given = [one for one in notes if one != ("close",)]
    assert len(given) == len(set(given)) == 5 + 1 + 1


def test_a_resumed_run_goes_on_behind_the_epochs_that_were_logged(
    tmp_path: Path, notes: list[Any]
) -> None:
    _tracking(tmp_path).epochs(TRIAL, CURVE[:3])
    _tracking(tmp_path).epochs(TRIAL, CURVE)
    assert [one[2] for one in notes] == [1, 2, 3, 4, 5]


def test_another_champion_and_another_page_are_logged(tmp_path: Path, notes: list[Any]) -> None:
    page = tmp_path / "index.html"
    tracking = _tracking(tmp_path)
    for key in ("key0", "key1", "key1"):
        tracking.cell(_result(key))
        page.write_text(key)
        tracking.page(page)
    assert [one[-1] for one in notes if one[0] == "cell"] == ["key0", "key1"]
    assert [one[-1] for one in notes if one[0] == "page"] == ["key0", "key1"]
    assert tracking.missing_cells({TRIAL.cell: "key1", "other": "key2"}) == ["other"]


def test_a_tracker_finds_its_own_state_again(tmp_path: Path) -> None:
    for _ in range(3):
        _tracking(tmp_path)
    text = (tmp_path / "tracking.json").read_text()
    assert '"opened": 3' in text


def test_another_target_is_given_everything(tmp_path: Path, notes: list[Any]) -> None:
    for target in ("here", "there"):
        Tracking({"notes": target}, "run", tmp_path, print).epochs(TRIAL, CURVE[:1])
    assert len(notes) == 2


def test_a_tracker_that_does_not_answer_ends_no_run_and_is_given_the_rest_later(
    tmp_path: Path, notes: list[Any]
) -> None:
    warnings: list[str] = []
    tracking = _tracking(tmp_path, warnings)
    tracking.epochs(TRIAL, CURVE[:2])
    DOWN.append(True)
    tracking.epochs(TRIAL, CURVE[:3])
    tracking.epochs(TRIAL, CURVE[:4])
    assert warnings == ["tracking.notes: no answer; run again to log the rest"]
    DOWN.clear()
    _tracking(tmp_path).epochs(TRIAL, CURVE)
    assert [one[2] for one in notes] == [1, 2, 3, 4, 5]


def test_a_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"tracking.absent='x': needs the package no_such_pac"):
        Tracking({"absent": "x"}, "run", tmp_path, print)


def test_an_epoch_without_a_learning_rate_has_no_point_for_it() -> None:
    ((number, epoch),) = points(3, [{**CURVE[0], "lr": None}])
    assert number == 3
    assert set(epoch) == set(EPOCH_COLUMNS) - {"lr"}


def test_a_run_without_trackers_writes_no_journal(tmp_path: Path) -> None:
    tracking = Tracking({}, "run", tmp_path, print)
    tracking.epochs(TRIAL, CURVE)
    tracking.close()
    assert not tracking
    assert list(tmp_path.iterdir()) == []
