"""One headline a scenario, chosen on validation, the same for the page and for `predict`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.derived import write_derived
from reports.headline import headline, preferred, used_headline
from reports.run import Run, load_run
from reports.sections import verdict
from reports.tables import write_table
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    policies=("pooled", "grouped"),
    backbones=("resnet50", "vgg16"),
    scenarios={"few": ["a", "b"], "many": ["a", "b", "c", "d"]},
    trials=1,
    epochs=2,
    folds=3,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_fake_run(tmp_path, SMALL)


def changed(folder: Path, **columns: Any) -> Run:
    """The run with other columns in its cells."""
    cells = load_run(folder).tables["cells"].assign(**columns)
    write_table(folder / "results", "cells", cells)
    write_derived(folder / "results")
    return load_run(folder)


def test_the_mean_over_trainings_decides_and_not_the_luckiest() -> None:
    assert preferred({"lucky": [(0.9, 1), (0.1, 1)], "steady": [(0.6, 1), (0.6, 1)]}) == "steady"


def test_more_finished_trainings_go_before_a_lucky_few() -> None:
    assert preferred({"few": [(0.9, 1)], "all": [(0.6, 1), (0.6, 1)], "none": []}) == "all"


def test_the_lower_loss_then_the_earlier_name_break_a_tie() -> None:
    assert preferred({"a": [(0.5, 2.0)], "b": [(0.5, 1.0)], "c": [(0.5, 1.0)]}) == "b"
    assert preferred({"a": []}) is None


def test_every_scenario_has_its_headline_and_the_test_set_no_say(folder: Path) -> None:
    cells = load_run(folder).tables["cells"]
    liked = (cells["backbone"] == "vgg16") & ~cells["augmented"] & (cells["strategy"] == "transfer")
    run = changed(
        folder,
        val_score=[0.7 if one else 0.4 for one in liked],
        accuracy=[0.2 if one else 0.9 for one in liked],
    )
    for policy in ("grouped", "pooled"):
        for scenario in ("few", "many"):
            found = headline(run, policy, scenario)
            assert found is not None
            names = {(row["backbone"], row["augmented"], row["strategy"]) for row in found.rows}
            assert names == {("vgg16", False, "transfer")}
            assert (found.of, len(found.rows)) == (8, 3)


def test_predict_takes_the_headline_of_the_most_classes_under_the_best_policy(folder: Path) -> None:
    cells = load_run(folder).tables["cells"]
    run = changed(folder, val_score=[0.9 if s == "few" else 0.5 for s in cells["scenario"]])
    used = used_headline(run)
    assert used is not None
    assert (used.policy, used.scenario) == ("grouped", "many")
    built = verdict.verdict_of(run)
    assert [card.used for card in built.best] == [False, True]
    assert built.sentence.startswith("Best on validation for scenario\u00a0many: ")
    assert built.best[1].anchor == used.best["anchor"]


def test_a_card_names_the_headlines_of_the_other_policies(folder: Path) -> None:
    (card, _) = verdict.verdict_of(changed(folder)).best
    assert card.policy == "grouped"
    assert len(card.elsewhere) == 1
    assert card.elsewhere[0].startswith("pooled split: ")


def test_balanced_accuracy_stands_beside_accuracy_where_classes_are_uneven(folder: Path) -> None:
    even = verdict.verdict_of(changed(folder))
    assert [card.balanced for card in even.best] == ["", ""]
    tables = load_run(folder).tables
    confusion = tables["confusion"]
    count = confusion["count"].where(confusion["label"] != "a", 40)
    run = Run(load_run(folder).info, tables | {"confusion": confusion.assign(count=count)})
    for card in verdict.verdict_of(run).best:
        assert card.balanced.startswith("balanced accuracy ")
        rows = [row for row in run.cells if row["anchor"] == card.anchor]
        own = next(own for own in run.configurations if rows[0] in own)
        mean = sum(row["balanced_accuracy"] for row in own) / len(own)
        assert f"{100 * mean:.1f}\u00a0%" in card.balanced


def test_a_scenario_without_a_result_has_no_headline(folder: Path) -> None:
    cells = load_run(folder).tables["cells"]
    gone = cells["scenario"] == "many"
    run = changed(
        folder,
        state=cells["state"].where(~gone, "missing"),
        accuracy=cells["accuracy"].where(~gone, None),
    )
    assert headline(run, "grouped", "many") is None
    used = used_headline(run)
    assert used is not None
    assert used.scenario == "few"


def test_many_scenarios_have_eight_cards_and_the_rest_is_counted(tmp_path: Path) -> None:
    names = {f"s{i}": ["a", "b"] for i in range(10)}
    fake = replace(SMALL, policies=("grouped",), backbones=("vgg16",), scenarios=names, folds=0)
    built = verdict.verdict_of(changed(write_fake_run(tmp_path, fake)))
    assert (len(built.best), built.more) == (8, 2)
