"""Trials of different arithmetic never pass for one another silently."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.arithmetic import mixed
from reports.run import Run, load_run
from reports.sections import cost, reproduce
from reports.tables import write_table
from sweeper.results.conclusion import conclusion
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(backbones=("resnet50",), trials=2, epochs=2, attributions=0)
GPU = "NVIDIA H200"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fake_run(tmp_path, FAKE)


def _changed(folder: Path, strategy: str, number: int, **values: str | None) -> Run:
    """The run with these values in the first trials of a strategy."""
    trials = load_run(folder).tables["trials"]
    chosen = trials.index[trials["strategy"] == strategy][:number]
    for name, value in values.items():
        trials.loc[chosen, name] = value
    write_table(folder / "results", "trials", trials)
    return load_run(folder)


def test_trials_that_were_computed_alike_need_no_word(folder: Path) -> None:
    assert list(mixed(load_run(folder))) == []
    facts = dict(reproduce.reproduction_of(load_run(folder)).facts)
    trials = load_run(folder).tables["trials"]
    count = int((trials["strategy"] == "finetune").sum())
    assert facts["fine-tuned: arithmetic"] == f"{count} in float32 on cpu"


def test_trials_of_another_precision_are_a_warning_that_names_both(folder: Path) -> None:
    run = _changed(folder, "finetune", 3, precision="bfloat16", device=GPU)
    (line,) = mixed(run)
    assert f"3 in bfloat16 on {GPU}" in line
    assert " in float32 on cpu" in line
    assert [one for one in conclusion(folder) if "arithmetic" in one] == [f"warning: {line}"]
    assert (
        f"3 in bfloat16 on {GPU}"
        in dict(reproduce.reproduction_of(run).facts)["fine-tuned: arithmetic"]
    )


def test_another_device_with_the_same_precision_is_told_on_the_page_only(folder: Path) -> None:
    run = _changed(folder, "finetune", 3, device=GPU)
    assert list(mixed(run)) == []
    text = dict(reproduce.reproduction_of(run).facts)["fine-tuned: arithmetic"]
    assert f"3 in float32 on {GPU}" in text


def test_what_an_earlier_version_did_not_record_is_not_guessed(folder: Path) -> None:
    run = _changed(folder, "finetune", 10_000, precision=None)
    assert list(mixed(run)) == []
    assert "fine-tuned: arithmetic" not in dict(reproduce.reproduction_of(run).facts)


def test_a_trial_on_a_gpu_costs_its_share_of_it(folder: Path) -> None:
    run = _changed(folder, "finetune", 10_000, device=GPU)
    run.info["config"].setdefault("resources", {})["gpus_per_trial"] = 0.25
    trials = run.tables["trials"]
    own = trials[trials["strategy"] == "finetune"]
    assert cost._device_s(run, own) == pytest.approx(0.25 * own["wall_s"].sum())
    others = trials[trials["strategy"] == "transfer"]
    assert cost._device_s(run, pd.DataFrame(others)) == pytest.approx(others["wall_s"].sum())
