"""What each side got, in words, and what a configuration needs by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.budgets import budget, needed_together_s, with_needed_s
from reports.run import Run, load_run
from reports.savings import measured_passes
from tests.reports.fake_run import FakeRun, write_fake_run


def _run(folder: Path, **config: Any) -> Run:
    fake = FakeRun(backbones=("resnet50",), trials=2, epochs=6, attributions=0)
    run = load_run(write_fake_run(folder, fake))
    run.info["config"] = run.info.get("config", {}) | config
    return run


def test_the_page_reports_epochs_steps_and_passes_of_each_side(tmp_path: Path) -> None:
    text = budget(_run(tmp_path, search={"budget": "steps"}))
    assert (
        "transfer, augmented: 6 epochs, 72 optimiser steps for the champions, 2.0 passes over"
        in text
    )
    assert "6.0 passes over" in text
    assert "take the same number of steps at the same batch size" in text
    assert "starts from the champion of its transfer cell" in text


def test_an_epoch_of_all_rows_is_reported_as_more_steps(tmp_path: Path) -> None:
    text = budget(_run(tmp_path, search={"budget": "epochs"}, finetune={"start": "fresh"}))
    assert "so augmented cells take more steps" in text
    assert "transfer cell" not in text


@pytest.mark.parametrize("start", ["transfer", "fresh"])
def test_a_fine_tuned_cell_needs_the_search_that_it_starts_from(tmp_path: Path, start: str) -> None:
    run = _run(tmp_path, finetune={"start": start})
    rows = with_needed_s(run, run.done)
    one = next(row for row in rows if row["strategy"] == "finetune")
    parent = next(
        row
        for row in rows
        if row["strategy"] == "transfer"
        and all(
            row[name] == one[name]
            for name in ("split_policy", "scenario", "augmented", "seed", "fold")
        )
    )
    own_rows = one["n_train"] + one["n_val"] + one["n_test"]
    extraction = own_rows * measured_passes(run)["resnet50"].each_s
    search = one["train_s"] + (parent["train_s"] if start == "transfer" else 0.0)
    assert one["needed_s"] == pytest.approx(search + extraction)
    assert extraction > 0


def test_what_is_trained_from_pixels_needs_no_extraction(tmp_path: Path) -> None:
    run = _run(tmp_path, finetune={"start": "fresh", "depth": "all"})
    for row in with_needed_s(run, run.done):
        if row["strategy"] == "finetune":
            assert row["needed_s"] == row["train_s"]


def test_cells_that_share_an_extraction_need_it_once(tmp_path: Path) -> None:
    run = _run(tmp_path)
    own = [row for row in run.done if row["strategy"] == "transfer" and row["augmented"]][:3]
    assert len(own) == 3
    each = with_needed_s(run, own)
    extraction = max(row["needed_s"] - row["train_s"] for row in each)
    trained = sum(row["train_s"] for row in own)
    assert needed_together_s(run, own) == pytest.approx(trained + extraction)
    assert extraction > 0
