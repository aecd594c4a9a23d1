"""What the page concludes is what the number of trainings allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.derived import write_derived
from reports.page import render
from reports.run import Run, load_run
from reports.sections import comparison, effects, significance, verdict
from reports.sections.trainings import sentences
from reports.statistics.planning import resolved_by, trainings_needed
from tests.reports.fake_run import FakeRun, write_fake_run

BACKBONES = ("resnet50", "vgg16", "mobilenet")


def _run(folder: Path, **changes: object) -> Run:
    fake = FakeRun(
        policies=("grouped",),
        backbones=BACKBONES,
        scenarios={"few": ["a", "b"], "more": ["a", "b", "c"]},
        trials=1,
        epochs=3,
        attributions=0,
        **changes,  # type: ignore[arg-type]
    )
    write_fake_run(folder, fake)
    write_derived(folder / "results")
    return load_run(folder)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One training of each configuration."""
    return _run(tmp_path_factory.mktemp("once"))


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _run(tmp_path_factory.mktemp("folded"), folds=3)


def test_one_training_speaks_of_these_networks_and_says_how_many_it_would_take(once: Run) -> None:
    built = significance.significance_of(once)
    assert built
    for family in built.families:
        assert "not their architectures" in family.trainings
        assert "assuming a standard deviation of 3 points, train each 6 times" in family.trainings
        assert family.holm == "Holm family: the 11 comparisons in this table."
        assert "trained network" in family.words
    assert set(once.tables["comparisons"]["covers"]) == {"images"}
    assert "compare trained networks" in verdict.verdict_of(once).scope
    assert "not architectures" in verdict.verdict_of(once).scope


def test_several_trainings_speak_of_configurations_with_the_spread_they_have(folded: Run) -> None:
    built = significance.significance_of(folded)
    assert built
    for family in built.families:
        assert "choice of test images and for training randomness" in family.trainings
        assert re.search(r"standard deviation .* is [\d.]+ points \(estimated", family.trainings)
        assert family.holm.startswith("Holm family: 66 comparisons, all pairs of the 12")
        assert "configuration" in family.words
    assert verdict.verdict_of(folded).scope == (
        "Intervals account for the choice of test images and for training randomness."
    )
    intervals = folded.tables["intervals"]
    means = intervals[intervals["seed"].isna() & (intervals["metric"] == "accuracy")]
    assert set(means["covers"]) == {"images+trainings"}
    cells = intervals[intervals["seed"].notna()]
    assert set(cells["covers"]) == {"images"}


def test_two_trainings_of_one_configuration_have_an_interval_of_these_networks(
    tmp_path: Path,
) -> None:
    fake = {"augmented": (False,), "strategies": ("transfer", "finetune")}
    write_fake_run(
        tmp_path,
        FakeRun(
            policies=("grouped",),
            backbones=("vgg16",),
            scenarios={"few": ["a", "b"]},
            repeats=2,
            trials=1,
            attributions=0,
            **fake,  # type: ignore[arg-type]
        ),
    )
    write_derived(tmp_path / "results")
    run = load_run(tmp_path)
    assert set(run.tables["intervals"]["covers"]) == {"images"}
    assert run.tables["trainings"]["spread"].isna().all()
    assert "too few trainings" in verdict.verdict_of(run).scope
    (row,) = (dict(one) for _, one in run.tables["comparisons"].iterrows())
    assert "too few across all configurations" in sentences(run, "grouped", "few", [row])


def test_families_are_named_with_their_numbers_and_scenarios_are_no_choice(once: Run) -> None:
    built = effects.effects_of(once)
    assert built
    names = [factor.name for factor in built.metrics[0].factors]
    assert not [name for name in names if "scenario" in name or "seed" in name]
    number = int(once.tables["effects"]["family"].max())
    assert built.metrics[0].families == f"{number} effects under the grouped split"
    page = render(once)
    assert f"after Holm's correction over the {number} effects under the grouped split" in page
    assert page.count("Holm family: the 11 comparisons") == 2


def test_holm_is_blamed_for_what_it_did_and_for_nothing_else(once: Run) -> None:
    rows = once.tables["comparisons"]
    built = significance.significance_of(once)
    assert built
    blamed = sum(r.words.endswith("after Holm") for f in built.families for r in f.rivals)
    assert blamed == ((rows["p"] < 0.05) & (rows["p_holm"] >= 0.05)).sum()


def test_the_papers_section_says_what_our_intervals_cover(tmp_path: Path) -> None:
    write_fake_run(tmp_path, FakeRun(backbones=("vgg16",), attributions=0, trials=1))
    write_derived(tmp_path / "results")
    built = comparison.comparison_of(load_run(tmp_path))
    assert built
    assert built.scope == "choice of test images, for these trained networks"


def test_trainings_needed_grow_with_the_square_of_their_spread() -> None:
    """2 (1.96 + 0.84)^2 (spread / difference)^2, two at least."""
    assert trainings_needed(0.03) == 6
    assert trainings_needed(0.06) == 23
    assert trainings_needed(0.06, 0.1) == 6
    assert trainings_needed(0.0) == 2
    assert resolved_by(0.05) == pytest.approx(0.14, abs=0.001)
