"""The section Data leakage: any policies side by side, over the cells that all of them have."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from reports.derived import write_derived
from reports.derived.policies import AUGMENTED
from reports.page import build_page
from reports.policy_scores import leak_score, policy_scores
from reports.run import Run, load_run
from reports.sections import leak, verdict
from reports.tables import write_table
from tests.reports.fake_run import FakeRun, write_fake_run

ALL = ("pooled", "stratified", "given", "grouped")
SMALL = FakeRun(
    policies=ALL,
    backbones=("resnet50", "vgg16"),
    scenarios={"bones": ["a", "b", "c"], "few": ["a", "b"]},
    trials=1,
    epochs=4,
    attributions=0,
    compare=None,
)


def _run(folder: Path, fake: FakeRun) -> Run:
    return _derived(write_fake_run(folder, fake))


def _derived(run: Path) -> Run:
    write_derived(run / "results")
    return load_run(run)


def _leakage(run: Run) -> leak.Leakage:
    leakage = leak.leakage_of(run)
    assert leakage is not None
    return leakage


def test_four_policies_stand_side_by_side_with_their_leaks_and_accuracies(tmp_path: Path) -> None:
    run = _run(tmp_path, SMALL)
    plain, augmented = _leakage(run).comparisons
    cells = run.tables["cells"]
    for comparison, value in ((plain, False), (augmented, True)):
        names = [policy.name for policy in comparison.policies]
        assert names == ["grouped", "given", "stratified", "pooled"]
        assert comparison.title.endswith("8 cells completed under every policy")
        for policy in comparison.policies:
            own = cells[(cells["split_policy"] == policy.name) & (cells["augmented"] == value)]
            assert policy.accuracy == f"{100 * own['accuracy'].mean():.1f}"
            low, high = (float(end) for end in policy.interval.split("\u2013"))
            assert low <= float(policy.accuracy) <= high
    leaked = {policy.name: policy.leaked for policy in augmented.policies}
    assert leaked["grouped"] == "0.0"
    assert float(leaked["pooled"]) > 99
    assert plain.policies[0].difference == ""
    assert augmented.policies[-1].difference.startswith("+")


def test_accuracies_are_compared_over_the_cells_that_all_policies_have(tmp_path: Path) -> None:
    run = _run(tmp_path, SMALL)
    cells = run.tables["cells"]
    failed = (cells["split_policy"] == "given") & (cells["backbone"] == "vgg16")
    cells.loc[failed, ["state", "accuracy"]] = ["failed", None]
    write_table(tmp_path / "results", "cells", cells)
    comparison = _leakage(_derived(tmp_path)).comparisons[1]
    assert comparison.title.endswith("4 cells completed under every policy")
    of_resnet = cells[(cells["backbone"] == "resnet50") & cells["augmented"]]
    pooled = of_resnet[of_resnet["split_policy"] == "pooled"]["accuracy"].mean()
    assert comparison.policies[-1].accuracy == f"{100 * pooled:.1f}"


@pytest.mark.parametrize(
    "policies", [p for n in (1, 2, 5) for p in combinations((*ALL, "file"), n)], ids="+".join
)
def test_every_choice_of_policies_has_a_page(tmp_path: Path, policies: tuple[str, ...]) -> None:
    fake = replace(SMALL, policies=policies, backbones=("vgg16",), scenarios={"s": ["a", "b"]})
    run = write_fake_run(tmp_path, fake)
    page = build_page(run).read_text(encoding="utf-8")
    section = page[page.index('id="leak"') : page.index('id="cells"')]
    for policy in policies:
        assert re.search(rf'<th scope="row">{policy}</th>', section)
    assert ("Cell by cell" in section) == (len(policies) > 1)


@pytest.mark.parametrize(
    ("policies", "pair"),
    [
        (ALL, ("pooled", "grouped")),
        (("stratified", "grouped", "given"), ("stratified", "grouped")),
        (("given", "grouped"), ("given", "grouped")),
        (("pooled", "stratified"), ("pooled", "stratified")),
        (("given", "stratified"), None),
        (("file", "pooled"), None),
    ],
)
def test_the_leak_is_the_leakier_policy_against_the_more_honest_one(
    tmp_path: Path, policies: tuple[str, ...], pair: tuple[str, str] | None
) -> None:
    score = leak_score(_run(tmp_path, replace(SMALL, policies=policies)))
    assert (score and (score.policy, score.reference)) == pair


def test_kinds_of_leaks_that_nobody_has_take_no_column(tmp_path: Path) -> None:
    run = _run(tmp_path, SMALL)
    leakage = _leakage(run)
    assert leakage.kinds == ["copy of the same image", "exact duplicate", "near-duplicate"]
    row = next(r for r in leakage.counts if (r.policy, r.augmentation) == ("pooled", "augmented"))
    leaks = run.tables["leaks"]
    own = leaks[(leaks["split_policy"] == "pooled") & leaks["augmented"]]
    own = own[(own["scenario"] == "bones") & (own["part"] == "test")]
    assert row.kinds[0].replace("\u2009", "") == str(own["same_image"].sum())


def test_folds_and_repeats_are_summed_and_averaged(tmp_path: Path) -> None:
    fake = replace(SMALL, policies=("pooled", "grouped"), backbones=("vgg16",))
    one = _leakage(_run(tmp_path / "one", fake))
    many = _leakage(_run(tmp_path / "many", replace(fake, folds=3, repeats=2)))
    for single, summed in zip(one.counts, many.counts, strict=True):
        count = 6 * int(single.n_test.replace("\u2009", ""))
        assert summed.n_test.replace("\u2009", "") == str(count)
        assert summed.share == single.share
    titles = [comparison.title for comparison in many.comparisons]
    assert all(title.endswith("4 cells completed under every policy") for title in titles)


def test_folds_are_folded_in_the_grid_and_listed_among_the_cells(tmp_path: Path) -> None:
    fake = replace(SMALL, policies=("grouped",), folds=3)
    run = write_fake_run(tmp_path, fake)
    page = build_page(run).read_text(encoding="utf-8")
    assert page.count("<td data-cell=") == 16
    assert page.count('<tr data-cell="cell-') == 48
    assert page.count('<details class="cell ') == 48
    for fold in (1, 2, 3):
        assert page.count(f", fold {fold}</span>") == 16
    assert "mean over 3 folds; the range below it" in page
    tile = re.search(r"<td data-cell.*?</td>", page)
    assert tile
    cells = load_run(run).cells[:3]
    accuracies = [cell["accuracy"] for cell in cells]
    assert f"<b>{100 * sum(accuracies) / 3:.1f}</b>" in tile[0]
    assert f"{100 * min(accuracies):.1f}\u2013{100 * max(accuracies):.1f}" in tile[0]
    total = sum(int(cell["n_test"]) for cell in cells)
    assert re.search(
        rf"mean of 3 folds, 95 % interval [\d.\u2013]+ % on {total} test rows", tile[0]
    )


def test_the_verdict_takes_the_best_mean_on_validation_and_not_the_luckiest_fold(
    tmp_path: Path,
) -> None:
    run = write_fake_run(tmp_path, replace(SMALL, policies=("grouped",), folds=3))
    cells = load_run(run).tables["cells"]
    cells["val_score"], cells["accuracy"] = 0.5, 0.95
    lucky = cells["backbone"] == "vgg16"
    cells.loc[lucky & (cells["fold"] == 1), "val_score"] = 0.9
    cells.loc[lucky & (cells["fold"] != 1), "val_score"] = 0.1
    steady = (cells["backbone"] == "resnet50") & (cells["scenario"] == "few") & cells["augmented"]
    steady &= cells["strategy"] == "transfer"
    cells.loc[steady, ["val_score", "accuracy"]] = [0.6, 0.55]
    write_table(run / "results", "cells", cells)
    cards = verdict.verdict_of(_derived(run)).best
    (best,) = [card for card in cards if card.scenario == "scenario few"]
    assert (best.backbone, best.accuracy, best.of) == ("resnet50", "55.0", 8)
    assert best.repeats == "mean of 3 folds"


def test_differences_are_taken_within_a_fold(tmp_path: Path) -> None:
    """A fold that failed under one policy is left out of the other's mean too."""
    run = write_fake_run(tmp_path, replace(SMALL, policies=("stratified", "grouped"), folds=3))
    cells = load_run(run).tables["cells"]
    cells["accuracy"] = cells["fold"] / 10 + 0.1 * (cells["split_policy"] == "stratified")
    gone = (cells["split_policy"] == "grouped") & (cells["fold"] == 3)
    cells.loc[gone, ["state", "accuracy"]] = ["failed", None]
    write_table(run / "results", "cells", pd.DataFrame(cells))
    score = leak_score(_derived(run))
    assert score
    assert score.difference == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("gain", "said"), [(0.6, "because of leakage, not skill"), (0.01, "may be due to chance")]
)
def test_a_difference_within_chance_is_not_called_a_leak(
    tmp_path: Path, gain: float, said: str
) -> None:
    run = _run(tmp_path, replace(SMALL, policies=("pooled", "grouped")))
    cells = run.tables["cells"]
    cells["accuracy"] = 0.4 + gain * (cells["split_policy"] == "pooled")
    write_table(tmp_path / "results", "cells", cells)
    assert said in verdict.verdict_of(_derived(tmp_path)).sentence


def test_intervals_are_of_the_groups_tested_and_not_of_rows_or_cells(tmp_path: Path) -> None:
    """Copies, seeds and cells do not make pictures; duplicates are one picture."""
    run = _run(tmp_path, replace(SMALL, seeds=(0, 1), scenarios={"bones": ["a", "b", "c"]}))
    apart = policy_scores(run, ["grouped", "pooled"], AUGMENTED)
    images, splits = run.tables["images"], run.tables["splits"]
    images["group"] = [f"g{number // 20}" for number in range(len(images))]
    write_table(tmp_path / "results", "images", images)
    tested = splits[(splits["part"] == "test") & (splits["split_policy"] == "pooled")]
    group = images.set_index("image_id")["group"]
    pictures = {group.get(i, i) for i in tested["image_id"]}
    assert len(pictures) < tested["image_id"].nunique() < len(tested)
    together = policy_scores(_derived(tmp_path), ["grouped", "pooled"], AUGMENTED)
    for before, score in zip(apart, together, strict=True):
        assert score.pictures == len(pictures)
        assert score.mean == before.mean
        assert score.interval
        assert before.interval
        assert score.interval.half_width > 1.2 * before.interval.half_width
