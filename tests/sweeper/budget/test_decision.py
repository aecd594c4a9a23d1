"""A budget's decision: made once, kept with the run, printed by `plan`, shown on the page."""

import json
from pathlib import Path

import pytest

from sweeper.budget import decision as decisions
from sweeper.budget.choice import Choice, LeftOut
from sweeper.budget.decision import decide, keep
from sweeper.cli import main
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.errors import ConfigError
from sweeper.estimate.machine import learnt_speeds
from sweeper.estimate.span import Span
from sweeper.progress import Progress
from sweeper.use.finished import FinishedRun
from tests.one_ray import OneRay
from tests.sweeper.folders import write_config, write_images

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds that every machine agrees on."""
    monkeypatch.setattr(decisions, "measured_speeds", learnt_speeds)


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "out" / "results").mkdir(parents=True)
    return write_config(tmp_path, write_images(tmp_path / "images", {"a": 5, "b": 5}))


def reduced(path: str) -> tuple[Config, float]:
    """A config and a budget that it exceeds."""
    return load_config(path, ["search.epochs=9000", "search.draws=3"]), 150.0


def test_the_same_question_gets_the_same_answer(config: str, tmp_path: Path) -> None:
    asked, budget_s = reduced(config)
    first, _ = decide(asked, budget_s, tmp_path / "out", Progress())
    second, _ = decide(asked, budget_s, tmp_path / "out", Progress())
    assert first == second
    assert first.left_out
    assert first.estimated_s[1] <= budget_s


def test_a_resumed_run_keeps_the_decision_whatever_it_would_decide_now(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, budget_s = reduced(config)
    out = tmp_path / "out"
    first, _ = decide(asked, budget_s, out, Progress())
    keep(first, out)
    monkeypatch.setattr(decisions, "choose", None)  # nothing is decided again
    again, _ = decide(asked, budget_s, out, Progress())
    assert again.applied_to(asked) == first.applied_to(asked)
    assert again.about == json.loads(json.dumps(first.about))


@pytest.mark.parametrize("change", ["budget", "config", "images"])
def test_another_question_is_decided_anew(change: str, config: str, tmp_path: Path) -> None:
    asked, budget_s = reduced(config)
    out = tmp_path / "out"
    first, _ = decide(asked, budget_s, out, Progress())
    keep(first, out)
    if change == "budget":
        budget_s *= 100
    if change == "config":
        asked = asked.model_copy(
            update={"cache": asked.cache.model_copy(update={"dtype": "float32"})}
        )
    if change == "images":
        write_images(tmp_path / "images", {"a": 6})
    again, _ = decide(asked, budget_s, out, Progress())
    assert (again.asked, again.budget_s) != (first.asked, first.budget_s)


def test_a_budget_that_fits_nothing_is_refused_with_the_time_needed(
    config: str, tmp_path: Path, capsys: Captured
) -> None:
    asked, _ = reduced(config)
    with pytest.raises(ConfigError, match=r"--budget: 0\.01 min is too short; the smallest"):
        decide(asked, 0.6, tmp_path / "out", Progress())
    assert main(["plan", config, "--budget", "0.01m"]) == 2
    assert "takes" in capsys.readouterr().err


def test_plan_prints_what_a_run_would_leave_out(config: str, capsys: Captured) -> None:
    overrides = ["--set", "search.epochs=9000", "--set", "search.draws=3"]
    assert main(["plan", config, *overrides, "--budget", "2.5m"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("budget: ")]
    assert "of 2.5 min; left out to fit: " in line
    assert main(["plan", config, "--budget", "50h"]) == 0
    assert "budget: everything fits into 50 h" in capsys.readouterr().out


@pytest.mark.ray
def test_a_run_within_a_budget_leaves_out_whole_entries_and_says_so_on_the_page(
    config: str,
    tmp_path: Path,
    sweeps: OneRay,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left_out = LeftOut("strategy finetune", Span(60, 180))
    choice = Choice(Span(20, 200), {"grid.strategies": ["transfer"]}, [left_out])
    monkeypatch.setattr(decisions, "choose", lambda asked, limit_s, cost_of: choice)
    out = tmp_path / "out"
    assert main(["run", config, "--budget", "5m", "--out", str(out)]) == 0
    about = json.loads((out / "results" / "run.json").read_text())
    assert about["budget"]["left_out"] == ["strategy finetune (would add 1 to 3 min)"]
    assert about["config"]["grid"]["strategies"] == ["transfer"]
    said = "Left out to fit 5 min: strategy finetune (would add 1 to 3 min)."
    assert said in (out / "report" / "index.html").read_text()
    assert said in capsys.readouterr().out
    assert main(["report", str(out)]) == 0
    rebuilt = json.loads((out / "results" / "run.json").read_text())
    assert rebuilt["budget"] == about["budget"]


def test_a_run_without_a_budget_mentions_none(finished_run: FinishedRun) -> None:
    assert "budget" not in finished_run.about
    assert "<b>Budget.</b>" not in (finished_run.folder / "report" / "index.html").read_text()
