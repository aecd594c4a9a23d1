"""Every planned cell has its line, with the numbers of the table and the state it is in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reports.derived import write_derived
from reports.run import Run, load_run
from reports.sections import listing
from tests.reports.fake_run import FakeRun, write_fake_run

FAKE = FakeRun(backbones=("resnet50", "vgg16"), failed=2, missing=1, trials=3, epochs=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = write_fake_run(tmp_path_factory.mktemp("run"), FAKE)
    write_derived(folder / "results")
    return load_run(folder)


def test_lines_hold_the_numbers_of_their_cells(run: Run) -> None:
    entries = listing.listing_of(run, {row["anchor"] for row in run.cells}).entries
    assert len(entries) == len(run.cells) == 24
    for entry, row in zip(entries, run.cells, strict=True):
        assert entry.state == row["state"]
        if row["state"] == "done":
            assert float(entry.accuracy) == pytest.approx(100 * row["accuracy"], abs=0.051)
            gap = 100 * (row["val_accuracy"] - row["accuracy"])
            assert float(entry.optimism.replace("\u2212", "-")) == pytest.approx(gap, abs=0.051)
        else:
            assert entry.accuracy == entry.optimism == entry.time == "—"


def test_filters_hold_every_value_and_count_every_cell(run: Run) -> None:
    filters = {one.name: one.options for one in listing.listing_of(run, set()).filters}
    assert set(filters) == {"backbone", "scenario", "augmentation", "strategy", "state"}
    assert filters["state"] == [("done", "21"), ("failed", "2"), ("missing", "1")]
    for options in filters.values():
        assert sum(int(number) for _, number in options) == 24


def test_a_line_names_its_value_of_every_filter(run: Run) -> None:
    built = listing.listing_of(run, set())
    for entry, row in zip(built.entries, run.cells, strict=True):
        values = [
            one.options[int(choice)][0]
            for one, choice in zip(built.filters, entry.choices.split(), strict=True)
        ]
        assert values[0] == row["backbone"]
        assert values[-1] == row["state"]


def test_stopped_trials_are_counted(run: Run) -> None:
    built = listing.listing_of(run, set())
    stopped = int(run.tables["cells"]["stopped"].sum())
    assert stopped > 0
    assert built.counts == f"21 done, 2 failed, 1 missing; {stopped} trials stopped early"
    told = [entry.trials for entry in built.entries if "stopped" in entry.trials]
    assert sum(int(text.partition("(")[2].split()[0]) for text in told) == stopped


def test_a_failure_is_told_by_its_last_line(run: Run) -> None:
    notes = {e.note for e in listing.listing_of(run, set()).entries if e.state == "failed"}
    assert notes == {"RuntimeError: fake <failure>"}


def test_cells_that_are_not_in_full_are_said_to_be_left_out(run: Run) -> None:
    every = {row["anchor"] for row in run.cells}
    assert listing.listing_of(run, every).left_out == ""
    built = listing.listing_of(run, {"cell-1", "cell-2"})
    assert built.left_out.startswith("2 of 24 cells are shown in full below")
    assert [entry.number for entry in built.entries if entry.in_full] == ["1", "2"]


def test_a_line_tells_what_the_table_of_comparisons_measured(run: Run) -> None:
    comparisons = run.tables["comparisons"]
    entries = [one for one in listing.listing_of(run, set()).entries if one.best]
    assert len(entries) == len(comparisons) > 0
    told = sorted(float(one.against.split()[0].replace("\u2212", "-")) for one in entries)
    measured = sorted(100 * float(value) for value in comparisons["difference"])
    assert told == pytest.approx(measured, abs=0.051)
    best = {row["anchor"]: row["accuracy"] for row in run.cells}
    for one in entries:
        gap = 100 * best[one.best] - float(one.accuracy)
        assert gap == pytest.approx(float(one.against.split()[0].replace("\u2212", "-")), abs=0.11)


def test_one_cell_has_nothing_to_filter(tmp_path: Path) -> None:
    one = replace(
        FAKE,
        backbones=("resnet50",),
        scenarios={"two": ["yes", "no"]},
        augmented=(False,),
        strategies=("transfer",),
        failed=0,
        missing=0,
    )
    built = listing.listing_of(load_run(write_fake_run(tmp_path, one)), {"cell-1"})
    assert built.filters == []
    assert len(built.entries) == 1
