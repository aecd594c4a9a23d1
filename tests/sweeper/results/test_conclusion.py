"""A run ends with its result and with what to know of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from reports.derived import write_derived
from reports.run import load_run
from reports.tables import read_tables, write_table
from sweeper.results.conclusion import conclusion
from sweeper.results.headlines import headline_lines
from sweeper.results.stale import champions_in, stale
from tests.reports.fake_run import FakeRun, write_fake_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fake = FakeRun(policies=("pooled", "grouped"), failed=5, random_weights=True)
    folder = write_fake_run(tmp_path_factory.mktemp("run"), fake)
    write_derived(folder / "results")
    return folder


def test_the_lines_are_the_pages_headlines(run: Path) -> None:
    cells = pd.read_parquet(run / "results" / "cells.parquet")
    done = cells[cells["state"] == "done"]
    lines = list(headline_lines(load_run(run)))
    assert len(lines) == 2 * 3
    for (policy, scenario), own in done.groupby(["split_policy", "scenario"]):
        best = own.sort_values("val_score").iloc[-1]
        (line,) = [one for one in lines if one.startswith(f"{policy}, scenario {scenario}: ")]
        assert f": {best['backbone']}, " in line
        assert f"test accuracy {100 * best['accuracy']:.1f} %" in line


def test_the_last_lines_are_the_result_with_its_interval_and_warnings(run: Path) -> None:
    lines = list(conclusion(run))
    assert lines[0] == "best on validation:"
    best = [line for line in lines if line.startswith("    ")]
    assert len(best) == 2 * 3
    assert all("test accuracy" in line and "95 % CI" in line for line in best)
    told = [line for line in lines if line.startswith("warning: ")]
    assert sum(" failed: " in line for line in told) == 3
    assert "warning: 2 more cells failed; the report says why" in told
    assert any("pooled" in line and "test rows have a copy" in line for line in told)
    assert any("random weights" in line for line in told)
    assert lines[-1].startswith("time: ")


def test_maps_that_are_not_shown_are_counted_with_the_reason(tmp_path: Path) -> None:
    out = write_fake_run(tmp_path)
    maps = read_tables(out / "results")["attributions"]
    assert not [line for line in conclusion(out) if "explanation maps" in line]
    maps.loc[[0, 1, 2], "converged"] = False
    maps.loc[2, "n_steps"] = 0
    write_table(out / "results", "attributions", maps)
    assert [line for line in conclusion(out) if "explanation maps" in line] == [
        f"warning: 2 of {len(maps)} explanation maps did not converge and are not shown; "
        "raise explain.max_steps",
        f"warning: 1 of {len(maps)} explanation maps were left out to keep to explain.time_share",
    ]


def test_a_folder_without_a_run_has_no_result(tmp_path: Path) -> None:
    assert list(conclusion(tmp_path)) == []


def test_what_is_beside_a_run_with_other_champions_is_told(tmp_path: Path) -> None:
    out = write_fake_run(tmp_path)
    before = champions_in(out)
    (out / "export").mkdir()
    assert list(stale(out, before)) == []
    assert list(stale(out, frozenset({"another"}))) == [
        f"{out / 'export'} may come from an earlier champion of this run; create it again"
    ]
    assert list(stale(out, frozenset())) == []
    (out / "results" / "of_before.parquet").touch()
    (line,) = stale(out, before)
    assert line.endswith("of_before.parquet does not belong to this run; remove it")


def test_the_decision_on_a_budget_belongs_to_a_run_that_has_one(tmp_path: Path) -> None:
    out = write_fake_run(tmp_path)
    (out / "results" / "budget.json").touch()
    (line,) = stale(out, champions_in(out))
    assert "budget.json does not belong" in line
    about = json.loads((out / "results" / "run.json").read_text())
    (out / "results" / "run.json").write_text(json.dumps(about | {"budget": {"text": "10 min"}}))
    assert list(stale(out, champions_in(out))) == []


def test_maps_that_do_not_depend_on_the_weights_are_a_warning(tmp_path: Path) -> None:
    out = write_fake_run(tmp_path)
    assert not [line for line in conclusion(out) if "trained weights" in line]
    checks = read_tables(out / "results")["map_checks"]
    is_first = (checks[["backbone", "scenario"]] == checks[["backbone", "scenario"]].iloc[0]).all(1)
    checks.loc[is_first & (checks["check"] == "randomisation"), "value"] = 0.95
    write_table(out / "results", "map_checks", checks)
    write_derived(out / "results")
    lines = [line for line in conclusion(out) if "trained weights" in line]
    assert lines
    backbone = checks["backbone"].iloc[0]
    assert all(
        line.startswith("warning: integrated gradients maps of ") and backbone in line
        for line in lines
    )
