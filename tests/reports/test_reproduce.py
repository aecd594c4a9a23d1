"""What the page says is enough: its configuration loads, and it names every hash."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import yaml

from reports.run import load_run
from reports.sections import reproduce
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(backbones=("resnet50",), trials=1, epochs=2, attributions=0)


def _with(folder: Path, **changes: object) -> reproduce.Reproduction:
    path = write_fake_run(folder, FAKE) / "results" / "run.json"
    info = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(info), encoding="utf-8")
    return reproduce.reproduction_of(load_run(folder))


def test_the_configuration_on_the_page_loads_as_the_one_that_ran(tmp_path: Path) -> None:
    ran = load_config("paper", ["data.path=bones", "search.draws=3"])
    built = _with(tmp_path, config=ran.model_dump(mode="json"))
    assert Config.model_validate(yaml.safe_load(built.config)) == ran


def test_the_report_command_names_the_folder_of_the_run(tmp_path: Path) -> None:
    built = _with(tmp_path, command="python sweep.py run paper --out 'my runs/one'")
    commands = [command for _, command in built.steps]
    assert commands[-1] == "python sweep.py report 'my runs/one'"
    assert commands[-2] == "python sweep.py run paper --out 'my runs/one'"


def test_the_same_tables_are_promised_only_where_no_trial_is_stopped_early(tmp_path: Path) -> None:
    promises = {
        scheduler: _with(tmp_path, config={"search": {"scheduler": scheduler}}).determined
        for scheduler in ("none", "asha")
    }
    assert "has the same tables" in promises["none"]
    assert "same tables" not in promises["asha"]
    assert "may select a different champion" in promises["asha"]


def test_a_changed_checkout_is_not_passed_off_as_a_commit(tmp_path: Path) -> None:
    built = _with(tmp_path, git_commit="0123abc+")
    assert built.steps[0][1] == "git checkout 0123abc"
    assert "changes" in built.steps[0][0]
    assert _with(tmp_path / "b", git_commit="0123abc").steps[0][0] == "Check out the code"
    assert _with(tmp_path / "c", git_commit="").steps[0][1].startswith("make setup")


def test_every_split_and_every_shared_artifact_has_its_hash(tmp_path: Path) -> None:
    fake = replace(FAKE, policies=("pooled", "grouped"), seeds=(0, 1), repeats=2)
    built = reproduce.reproduction_of(load_run(write_fake_run(tmp_path, fake)))
    assert len(built.splits) == 2 * 3 * 2 * 2
    assert len({one.what for one in built.splits}) == len(built.splits)
    assert built.splits[0].what == "grouped, scenario 1, not augmented, repeat 1"
    assert [one.what for one in built.artifacts] == ["shards", "pooled resnet50", "prefix resnet50"]
    assert built.champions == 2 * 3 * 2 * 2 * 2 * 2
