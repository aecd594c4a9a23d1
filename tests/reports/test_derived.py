"""The derived tables say of the other tables what they should, the same every time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.axes import TRAININGS
from reports.derived import write_derived
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
