"""The page keeps within its bytes, and leaves out the entries that matter least."""

from __future__ import annotations

import pytest

from reports.detail import by_importance, fit
from reports.headline import headline
from reports.run import Run, load_run
from tests.reports.fake_run import FakeRun, write_fake_run

EACH, BARE = 1000, 5000  # bytes of a cell in full, and of the rest of the page


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    fake = FakeRun(
        policies=("pooled", "grouped"),
        backbones=("resnet50", "vgg16"),
        failed=2,
        missing=1,
        trials=1,
        epochs=2,
        attributions=0,
    )
    return load_run(write_fake_run(tmp_path_factory.mktemp("run"), fake))


def _page(run: Run) -> str:
    return " ".join(row["anchor"] for row in run.cells).ljust(BARE + EACH * len(run.cells))


def test_all_cells_are_shown_in_full_where_they_fit(run: Run) -> None:
    assert len(fit(run, _page).split()) == len(run.cells) == 48


@pytest.mark.parametrize("number", [0, 1, 7, 30, 47])
def test_as_many_cells_are_shown_in_full_as_fit(run: Run, number: int) -> None:
    limit = BARE + EACH * number + EACH // 2
    page = fit(run, _page, limit)
    assert len(page) <= limit
    assert len(page.split()) == number


def test_a_page_that_is_too_large_by_itself_has_no_cell_in_full(run: Run) -> None:
    assert fit(run, _page, BARE - 1).split() == []


def test_without_a_result_first_then_what_validation_chose_in_every_block(run: Run) -> None:
    row_of = {row["key"]: row for row in run.cells}
    order = [row_of[key] for key in by_importance(run)]
    assert len(order) == 48
    assert [row["state"] for row in order[:3]] == ["failed", "failed", "missing"]
    places = [(policy, scenario) for policy in run.policies for scenario in run.scenarios]
    chosen = [one.best["key"] for place in places if (one := headline(run, *place))]
    assert [row["key"] for row in order[3 : 3 + len(places)]] == chosen
    firsts = order[3 : 3 + len(places) + len(run.backbones)]
    grouped = {row["backbone"] for row in firsts if row["split_policy"] == "grouped"}
    assert grouped == set(run.backbones)


def test_anchors_stay_those_of_the_whole_run(run: Run) -> None:
    chosen = run.cells[40]
    narrowed = run.narrowed([chosen["key"]])
    assert [row["anchor"] for row in narrowed.cells] == [chosen["anchor"]]
