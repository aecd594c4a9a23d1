"""What the cache saved is arithmetic on the run's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.run import Run, load_run
from reports.savings import measured_passes, savings
from reports.sections import cost
from reports.tables import SCHEMAS
from tests.reports.fake_run import FakeRun, write_fake_run

CELL = {
    "split_policy": "grouped",
    "backbone": "net",
    "weights": "none",
    "scenario": "1",
    "augmented": False,
    "augmentation": "none",
    "strategy": "transfer",
    "recipe": "paper",
    "seed": 0,
    "repeat": 1,
    "fold": 0,
}


def _table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=SCHEMAS[name].names)


def _run(trials: list[dict[str, Any]], artifacts: list[dict[str, Any]], **config: Any) -> Run:
    cells = [
        {**CELL, "strategy": strategy, "n_train": 80, "n_val": 20, "state": "done"}
        for strategy in ("transfer", "finetune")
    ]
    tables = {"trials": _table("trials", trials), "cells": _table("cells", cells)}
    tables |= {name: _table(name, []) for name in ("confusion", "intervals")}
    return Run({"artifacts": artifacts, "config": config, "backbones": {"net": {}}}, tables)


PASS = {"kind": "pooled", "backbone": "net", "key": "k", "rows": 50, "workers": 2, "seconds": 25.0}


def test_a_row_costs_what_its_pass_took_on_all_its_processes() -> None:
    assert measured_passes(_run([], [PASS]))["net"].each_s == 1.0


def test_every_epoch_of_every_trial_would_pass_over_training_and_validation_rows() -> None:
    trials = [
        {**CELL, "trial": "a", "epochs": 3, "passes": 3.0},
        {**CELL, "trial": "b", "epochs": 1, "passes": 1.0},
        {**CELL, "trial": "c", "epochs": 2, "passes": 2.0, "strategy": "finetune"},
    ]
    (one,) = savings(_run(trials, [PASS]))
    assert (one.spent, one.without) == (50.0, {"transfer": 4 * 100.0, "finetune": 2 * 100.0})
    assert one.saved == 6 * 100.0 - 50.0


def test_training_rows_count_by_passes_and_validation_rows_by_epochs() -> None:
    trials = [{**CELL, "trial": "a", "epochs": 9, "passes": 3.0}]
    assert savings(_run(trials, [PASS]))[0].without["transfer"] == 3 * 80 + 9 * 20


def test_a_trial_that_cells_share_is_counted_once() -> None:
    trials = [
        {**CELL, "trial": "a", "epochs": 3, "passes": 3.0},
        {**CELL, "trial": "a", "epochs": 3, "passes": 3.0},
    ]
    assert savings(_run(trials, [PASS]))[0].without["transfer"] == 300.0


def test_what_was_trained_from_pixels_saved_nothing() -> None:
    trials = [{**CELL, "trial": "c", "epochs": 2, "passes": 2.0, "strategy": "finetune"}]
    whole = savings(_run(trials, [PASS], finetune={"depth": "all"}))
    assert whole[0].without["finetune"] == 0.0
    drawn = [{**CELL, "trial": "a", "epochs": 2, "passes": 2.0, "augmented": True}]
    assert savings(_run(drawn, [PASS], augment={"online": True}))[0].without["transfer"] == 0.0


@pytest.mark.parametrize("missing", ["seconds", "rows"])
def test_a_pass_that_nobody_measured_is_not_guessed(missing: str) -> None:
    unmeasured = {name: value for name, value in PASS.items() if name != missing}
    trials = [{**CELL, "trial": "a", "epochs": 3, "passes": 3.0}]
    assert savings(_run(trials, [unmeasured])) == []


def test_the_fake_runs_page_says_what_was_saved(tmp_path: Path) -> None:
    fake = FakeRun(backbones=("resnet50",), trials=2, epochs=4, attributions=0)
    built = cost.cost_of(load_run(write_fake_run(tmp_path, fake)))
    assert built is not None
    assert "measured in that pass" in built.saved
    assert built.backbones[0].extraction == "2 min 36 s"
