"""The derived tables say of the other tables what they should, the same every time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.axes import TRAININGS, configuration_name
from reports.derived import tested, write_derived
from reports.metrics.deciding import DECIDING, DEFAULT
from reports.run import records
from reports.tables import CELL, DERIVED, read_tables, write_table
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    policies=("pooled", "grouped"),
    backbones=("resnet50", "vgg16", "mobilenet"),
    scenarios={"few": ["a", "b"]},
    trials=1,
    epochs=3,
    attributions=0,
)

SCENARIOS = {"few": ["a", "b"], "more": ["a", "b", "c"]}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_fake_run(tmp_path_factory.mktemp("run"), SMALL) / "results"
    write_derived(folder)
    return folder


@pytest.fixture(scope="module")
def tables(results: Path) -> dict[str, pd.DataFrame]:
    return read_tables(results)


def test_every_cell_has_every_metric_with_an_interval_about_its_accuracy(
    tables: dict[str, pd.DataFrame],
) -> None:
    overall = tables["intervals"][tables["intervals"]["label"] == ""]
    for _, cell in tables["cells"].iterrows():
        own = overall[(overall[list(CELL)] == cell[list(CELL)]).all(axis=1)].set_index("metric")
        assert set(own.index) == {
            *("accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1"),
            *("mcc", "kappa", "quadratic_kappa", "auroc", "macro_auroc", "average_precision"),
            *("ece", "brier"),
        }
        assert own.loc["accuracy", "value"] == pytest.approx(cell["accuracy"])
        assert own.loc["accuracy", "low"] < cell["accuracy"] <= own.loc["accuracy", "high"]


def test_copies_in_pooled_cells_are_not_taken_for_images(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["intervals"]
    rows = rows[(rows["metric"] == "accuracy") & (rows["label"] == "")]
    cells = tables["cells"].merge(rows, on=list(CELL))
    copied = cells[(cells["split_policy"] == "pooled") & cells["augmented"]]
    assert (copied["units"] < copied["n_test"] / 8).all()


def test_the_same_tables_make_the_same_in_any_order(results: Path, tmp_path: Path) -> None:
    for name, frame in read_tables(results).items():
        if name not in DERIVED:
            write_table(tmp_path, name, frame.iloc[::-1])
    (tmp_path / "run.json").write_bytes((results / "run.json").read_bytes())
    write_derived(tmp_path)
    for name in DERIVED:
        assert (tmp_path / f"{name}.parquet").read_bytes() == (
            results / f"{name}.parquet"
        ).read_bytes()


def test_all_tables_that_are_said_to_be_derived_are(results: Path) -> None:
    assert set(DERIVED) < {path.stem for path in results.glob("*.parquet")}


def test_the_best_by_validation_is_compared_with_every_other(
    tables: dict[str, pd.DataFrame],
) -> None:
    cells, rows = tables["cells"], tables["comparisons"]
    for policy in SMALL.policies:
        own = cells[cells["split_policy"] == policy]
        chosen = own.sort_values("val_score").iloc[-1]
        compared = rows[rows["split_policy"] == policy]
        assert len(compared) == len(own) - 1
        assert set(compared["best"].str.split("/").str[0]) == {chosen["backbone"]}
        assert (compared["p_holm"] >= compared["p"]).all()


def test_effects_are_differences_of_matched_cells_and_holm_is_over_those_of_a_policy(
    tables: dict[str, pd.DataFrame],
) -> None:
    rows, cells = tables["effects"], tables["cells"]
    for policy in SMALL.policies:
        own = cells[cells["split_policy"] == policy]
        means = own.groupby("augmented")["accuracy"].mean()
        row = rows[(rows["split_policy"] == policy) & (rows["factor"] == "augmentation")].iloc[0]
        assert row["mean"] == pytest.approx(means[True] - means[False])
        assert row["pairs"] == 6
        assert row["low"] < row["mean"] < row["high"]
        tested = rows[(rows["split_policy"] == policy) & rows["p"].notna()]
        assert set(tested["family"]) == {len(tested)}
        smallest = min(1.0, tested["p"].min() * len(tested))
        assert tested["p_holm"].min() == pytest.approx(smallest)
    assert set(rows["factor"].str.split(" ").str[0]) <= {"augmentation", "strategy", "backbone"}
    assert rows["factor"].str.contains("\u00d7").sum() == 2


@pytest.mark.parametrize("metric", [DEFAULT, "balanced_accuracy"])
def test_effects_and_comparisons_are_in_the_runs_metric_and_in_accuracy(
    tmp_path: Path, metric: str
) -> None:
    folder = write_fake_run(tmp_path, replace(SMALL, scenarios=SCENARIOS)) / "results"
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | {"metric": metric}))
    write_derived(folder)
    tables = read_tables(folder)
    for name in ("effects", "comparisons"):
        assert list(tables[name]["metric"].unique()) == [metric, "accuracy"]
    cells = tables["cells"].set_index(["split_policy", "scenario", "augmented"]).sort_index()
    effects = tables["effects"].query("metric == @metric and factor == 'augmentation'")
    for _, row in effects.iterrows():
        means = cells.loc[row["split_policy"]].groupby("augmented")[metric].mean()
        assert row["mean"] == pytest.approx(means[True] - means[False])
        assert row["low"] < row["mean"] < row["high"]
    for _, row in tables["comparisons"].query("metric == @metric").iterrows():
        best, other = (
            _value(tables["cells"], row["split_policy"], row["scenario"], row[side], metric)
            for side in ("best", "other")
        )
        assert row["difference"] == pytest.approx(best - other)


def test_derived_tables_of_an_earlier_version_are_replaced_unread(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, SMALL) / "results"
    pd.DataFrame({"what": ["it", "had"]}).to_parquet(folder / "effects.parquet")
    write_derived(folder)
    assert len(read_tables(folder)["effects"]) > 0


def test_every_metric_resamples_the_same_groups_in_a_drawing(
    tables: dict[str, pd.DataFrame],
) -> None:
    """The accuracy by way of a metric's panels is that of the direct way, drawing by drawing."""
    cells = tested.tested_cells(tables, SMALL.scenarios, SMALL.policies)
    again = cells.measured_by(replace(DECIDING["accuracy"], name="accuracy again"))
    np.testing.assert_allclose(again.draws, cells.draws)
    np.testing.assert_allclose(again.values, cells.values)
    np.testing.assert_allclose(again.scale, cells.scale)


def test_a_metric_that_is_no_function_of_sums_has_fewer_drawings_of_every_cell(
    tables: dict[str, pd.DataFrame],
) -> None:
    auroc = DECIDING["auroc"]
    cells = tested.tested_cells(tables, SMALL.scenarios, SMALL.policies).measured_by(auroc)
    expected = [auroc.value(one) for one in cells.outcomes if one is not None]
    np.testing.assert_allclose(cells.values, expected)
    assert cells.draws.shape[1] == len(expected)
    assert np.isfinite(cells.draws).all()


def _value(cells: pd.DataFrame, policy: str, scenario: str, name: str, metric: str) -> float:
    own = cells[(cells["split_policy"] == policy) & (cells["scenario"] == scenario)]
    (found,) = (float(row[metric]) for row in records(own) if configuration_name(row) == name)
    return found


def test_optimism_is_validation_minus_test(tables: dict[str, pd.DataFrame]) -> None:
    for _, row in tables["optimism"].iterrows():
        own = tables["cells"][tables["cells"]["split_policy"] == row["split_policy"]]
        assert row["mean"] == pytest.approx((own["val_accuracy"] - own["accuracy"]).mean())
        assert row["low"] < row["mean"] < row["high"]


def test_seeds_are_pooled_in_rows_of_their_own(tmp_path: Path) -> None:
    fake = FakeRun(
        policies=("grouped",), backbones=("vgg16",), scenarios={"s": ["a", "b"]}, seeds=(0, 1, 2)
    )
    folder = write_fake_run(tmp_path, fake) / "results"
    write_derived(folder)
    tables = read_tables(folder)
    pooled = tables["intervals"][tables["intervals"]["seed"].isna()]
    accuracy = pooled[(pooled["metric"] == "accuracy") & (pooled["label"] == "")]
    keys = [name for name in CELL if name not in TRAININGS]
    means = tables["cells"].groupby(keys)["accuracy"].mean().reset_index(name="mean")
    both = means.merge(accuracy, on=keys)
    assert len(both) == 4
    assert both["value"].to_numpy() == pytest.approx(both["mean"].to_numpy())
    assert tables["comparisons"]["seed"].isna().all()


def test_a_run_whose_predictions_are_gone_has_effects_without_intervals(tmp_path: Path) -> None:
    folder = write_fake_run(tmp_path, SMALL) / "results"
    write_table(folder, "predictions", [])
    write_derived(folder)
    tables = read_tables(folder)
    assert tables["intervals"].empty
    assert tables["comparisons"].empty
    assert tables["effects"]["mean"].notna().all()
    assert tables["effects"]["low"].isna().all()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        write_derived(tmp_path)
