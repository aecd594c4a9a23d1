"""Champions predict corrupted test images once, and the table compares them with clean ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from datasets.corruptions import CORRUPTIONS
from reports.metrics import METRICS
from sweeper.plan.artifacts import robustness
from sweeper.run.robustness import corrupt_champion
from sweeper.store.store import Store
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun

Table = Callable[[str], pd.DataFrame]


@pytest.fixture(scope="module")
def table(finished_run: FinishedRun) -> Table:
    return lambda name: pd.read_parquet(finished_run.folder / "results" / f"{name}.parquet")


def test_the_leading_champion_of_each_split_policy_and_scenario_is_tested(table: Table) -> None:
    corrupted, cells = table("corrupted"), table("cells")
    assert len(corrupted[["split_policy", "scenario"]].drop_duplicates()) == 2
    assert corrupted.groupby(["split_policy", "strategy"]).ngroups == 2 < len(cells)
    versions = corrupted.groupby(["split_policy", "image_id"]).size()
    assert set(versions) == {1 + 2 * len(CORRUPTIONS)}


def test_clean_predictions_are_those_of_the_evaluation(table: Table) -> None:
    corrupted, predictions = table("corrupted"), table("predictions")
    clean = corrupted[corrupted["corruption"] == "none"]
    keys = ["split_policy", "scenario", "strategy", "image_id"]
    both = clean.merge(predictions, on=keys, suffixes=("", "_evaluated"))
    assert len(both) == len(clean)
    for one, other in zip(both["probabilities"], both["probabilities_evaluated"], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_table_has_the_paired_difference_of_every_metric(table: Table) -> None:
    rows, corrupted = table("robustness"), table("corrupted")
    assert set(rows["metric"]) == {metric.name for metric in METRICS}
    noisy = rows[(rows["corruption"] == "noise") & (rows["severity"] == "strong")]
    for row in noisy[noisy["metric"] == "accuracy"].to_dict("records"):
        own = corrupted[
            (corrupted["split_policy"] == row["split_policy"])
            & (corrupted["strategy"] == row["strategy"])
        ]
        right = {
            name: (part["label"] == part["predicted"]).mean()
            for name, part in own.groupby(["corruption", "severity"])
        }
        assert row["value"] == pytest.approx(right["noise", "strong"])
        assert row["difference"] == pytest.approx(right["noise", "strong"] - right["none", ""])
        assert row["low"] <= row["difference"] <= row["high"]


def test_what_is_stored_is_not_predicted_again(finished_run: FinishedRun) -> None:
    store = Store(finished_run.config.store)
    spec = choose(finished_run, store).spec
    target = robustness(spec, finished_run.config.robustness.corruptions)
    before = store.get(*target.place)
    corrupt_champion(spec, finished_run.config.robustness.corruptions)
    assert store.get(*target.place) == before
    other = robustness(spec, ["blur"])
    assert other.key != target.key


def test_the_page_shows_the_sheet_and_the_corruptions(finished_run: FinishedRun) -> None:
    page = finished_run.folder / "report" / "index.html"
    text = page.read_text(encoding="utf-8")
    assert 'id="robustness"' in text
    assert CORRUPTIONS["blur"].meaning in text
