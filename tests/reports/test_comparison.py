"""The section The paper: every published row beside ours, whatever part of the grid was run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.derived import write_derived
from reports.independent_images import independent_images
from reports.page import render
from reports.published import published_cells
from reports.published.order import wrong_order_probability
from reports.run import Run, load_run
from reports.sections import comparison
from reports.sections.comparison import Comparison, Entry
from reports.statistics import difference_interval, share_interval
from reports.wording import percent_range, points, points_range
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(trials=1, epochs=2, attributions=0)


def _run(folder: Path, **changes: object) -> Run:
    return load_run(write_fake_run(folder, FakeRun(**{**SMALL.__dict__, **changes})))


def _derived(folder: Path, **changes: object) -> Run:
    _run(folder, **changes)
    write_derived(folder / "results")
    return load_run(folder)


def _built(run: Run) -> Comparison:
    found = comparison.comparison_of(run)
    assert found
    return found


def _entries(found: Comparison) -> list[Entry]:
    return [entry for table in found.tables for entry in table.entries]


def test_the_best_published_rows_are_shown_with_the_probability_of_a_wrong_order(
    tmp_path: Path,
) -> None:
    run = _run(tmp_path)
    expected = wrong_order_probability(0.9724, 0.9419, 113, 0.5)
    text = f"(97.24 %) above resnet50 (94.19 %) on 113 images: {100 * expected:.1f} % ("
    assert text in _built(run).order
    assert text in render(run)


def test_all_sixty_published_rows_are_shown_whatever_was_run(tmp_path: Path) -> None:
    found = _built(_run(tmp_path, backbones=("mobilenet",), scenarios={"1": ["a", "b"]}))
    entries = _entries(found)
    assert [entry.published for entry in entries] == [
        f"{100 * cell.accuracy:.2f}" for cell in published_cells()
    ]
    run_here = [entry for entry in entries if entry.ours[0].value]
    assert {entry.backbone for entry in run_here} == {"mobilenet"}
    assert len(run_here) == 4
    assert all(entry.ours[0].below == "not run" for entry in entries if not entry.ours[0].value)


@pytest.mark.parametrize(
    ("policies", "shown"),
    [
        (("pooled", "grouped"), ["pooled", "grouped"]),
        (("grouped",), ["grouped"]),
        (("given", "stratified", "grouped"), ["stratified", "grouped"]),
        (("given", "stratified"), ["stratified", "given"]),
        (("file",), ["file"]),
    ],
)
def test_the_leakiest_policy_and_the_most_honest_one_are_compared(
    tmp_path: Path, policies: tuple[str, ...], shown: list[str]
) -> None:
    scenarios = {"1": ["a", "b"]}
    run = _run(tmp_path, policies=policies, backbones=("vgg16",), scenarios=scenarios)
    found = _built(run)
    assert [policy for policy, _ in found.policies] == shown
    assert {len(entry.ours) for entry in _entries(found)} == {len(shown)}
    assert any(entry.leak for entry in _entries(found)) == (len(shown) == 2)
    assert 'id="paper"' in render(run)


def test_every_cell_has_its_recorded_interval(tmp_path: Path) -> None:
    run = _derived(tmp_path, policies=("pooled", "grouped"), backbones=("resnet50",))
    recorded = {percent_range(row["interval"]) for row in run.cells}
    shown = {one.below for entry in _entries(_built(run)) for one in entry.ours if one.value}
    assert shown
    assert shown <= recorded


def test_without_one_a_cell_has_the_interval_of_its_independent_images(tmp_path: Path) -> None:
    run = _run(tmp_path, policies=("pooled", "grouped"), backbones=("resnet50",))
    run = Run(run.info, run.tables | {"intervals": run.tables["intervals"].iloc[:0]})
    pictures = independent_images(run)
    leaks = 0
    for cell, entry in zip(published_cells(), _entries(_built(run)), strict=True):
        own = {
            row["split_policy"]: row
            for row in run.done
            if (row["scenario"], row["strategy"], row["augmentation"], row["backbone"])
            == (cell.scenario, cell.strategy, cell.augmentation, cell.backbone)
        }
        if not own:
            continue
        n = {policy: pictures[policy, cell.scenario, cell.augmentation] for policy in own}
        for policy, number in zip(("pooled", "grouped"), entry.ours, strict=True):
            expected = share_interval(own[policy]["accuracy"], n[policy])
            assert number.below == percent_range(expected)
        first, second = own["pooled"]["accuracy"], own["grouped"]["accuracy"]
        assert entry.leak
        assert entry.leak.value == points(first - second)
        interval = difference_interval(first, n["pooled"], second, n["grouped"])
        assert entry.leak.below == points_range(interval)
        leaks += 1
    assert leaks == 12


def test_a_tables_leak_is_the_mean_over_its_backbones(tmp_path: Path) -> None:
    run = _run(tmp_path, policies=("pooled", "grouped"), backbones=("resnet50", "vgg16"))
    for table in _built(run).tables:
        leaks = [entry.leak.value.replace("\u2212", "-") for entry in table.entries if entry.leak]
        said = re.match(r"pooled minus grouped: (\S+) points .*, 2 backbones", table.leak)
        assert said
        mean = sum(map(float, leaks)) / 2
        assert float(said[1].replace("\u2212", "-")) == pytest.approx(mean, abs=0.11)


def test_a_run_in_which_nothing_finished_says_so(tmp_path: Path) -> None:
    run = _run(tmp_path, backbones=("resnet50",))
    cells = run.tables["cells"]
    cells["state"], cells["accuracy"] = "missing", None
    found = _built(Run(run.info, run.tables | {"cells": cells}))
    assert found.results == "None of the paper's cells has been run yet."


def test_a_misprinted_row_is_left_out_of_the_distance(tmp_path: Path) -> None:
    found = _built(_run(tmp_path, backbones=("vgg16",)))
    assert "Over 11 cells run under the pooled split" in found.results
    assert sum(entry.flag == "misprint" for entry in _entries(found)) == 2


def test_the_check_of_the_published_numbers_is_counted_in_words(tmp_path: Path) -> None:
    found = _built(_run(tmp_path, backbones=("resnet50",)))
    assert "of the 30 with augmentation only 5 are" in found.audit
    assert "9 x n fits 24 of the 26 impossible rows" in found.audit
    flags = [entry.flag for entry in _entries(found)]
    assert (flags.count("copies"), flags.count("misprint"), flags.count("")) == (24, 2, 34)
