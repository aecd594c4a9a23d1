"""What differs between runs is shown, and matched cells are paired where test images are common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reports.axes import AXES, Role
from reports.compare.by_metric import shared_metric
from reports.compare.groups import NamedRun, flat, grouped
from reports.compare.matched import CHOSEN, CONFIGURATION, OVERALL, difference_rows
from reports.compare.merge import RUN, merged
from reports.compare.settings import by_setting, setting_rows
from reports.derived.tested import Tested
from reports.run import load_run
from reports.statistics.multiplicity import holm
from reports.statistics.paired import compare_paired
from reports.tables import write_table
from tests.reports.compare.runs import fake

Row = dict[str, Any]


def _rows(*runs: NamedRun, kind: str = CONFIGURATION) -> list[Row]:
    groups = grouped(runs)
    rows = difference_rows(merged(groups), [group.letter for group in groups])
    return [row for row in rows if row["kind"] == kind]


def _other(section: str) -> dict[str, Any]:
    return {"preprocess": {"contrast": section}}


def test_a_matched_pair_of_cells_is_compared_image_by_image(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), better=0.3, key="b")
    row = _rows(a, b)[0]
    cells = []
    for run in (b, a):
        table = run.run.tables["predictions"]
        own = table[(table["backbone"] == "resnet50") & (table["augmentation"] == "fec-ige")]
        own = own[own["strategy"] == "finetune"].sort_values(["image_id", "copy"])
        cells.append((own["label"] == own["predicted"]).to_numpy())
    images = {image_id: group for image_id, group in a.groups}
    table = a.run.tables["predictions"]
    ids = sorted(set(table["image_id"]))
    groups = np.unique([images.get(one, one) for one in ids], return_inverse=True)[1]
    expected = compare_paired(cells[0], cells[1], groups)
    assert row["configuration"].startswith("resnet50/fec-ige/finetune")
    assert row["difference"] == pytest.approx(expected.difference)
    assert (row["p"], row["low"], row["high"]) == pytest.approx(
        (expected.p, expected.interval.low, expected.interval.high)
    )
    assert row["pairing"] == "paired"
    assert row["common_groups"] == row["groups"] == row["reference_groups"]


def test_every_finished_cell_with_a_counterpart_is_compared_and_corrected(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"), failed=1)
    b = fake(tmp_path / "b", config=_other("clahe"), key="b")
    rows = _rows(a, b)
    assert len(rows) == 7
    assert [row["p_holm"] for row in rows] == pytest.approx(holm([row["p"] for row in rows]))
    assert {row["family"] for row in rows} == {7}


def test_runs_without_a_common_test_image_are_compared_unpaired(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), better=0.3, key="b")
    elsewhere = fake(
        tmp_path / "c",
        config=_other("clahe"),
        better=0.3,
        key="b",
        images=lambda one: f"f{one[1:]}",
    )
    paired, unpaired = _rows(a, b)[0], _rows(a, elsewhere)[0]
    assert (unpaired["pairing"], unpaired["common_groups"]) == ("unpaired", 0)
    assert unpaired["difference"] == pytest.approx(paired["difference"])
    own, other = (row["high"] - row["low"] for row in (paired, unpaired))
    assert other > own, "the images add to the error where they are not the same"
    n, m = unpaired["reference_groups"], unpaired["groups"]
    p, q = unpaired["reference_value"], unpaired["value"]
    expected = 2 * 1.96 * (p * (1 - p) / n + q * (1 - q) / m) ** 0.5
    assert other == pytest.approx(expected, rel=0.35)


def test_partly_common_test_images_are_counted(tmp_path: Path) -> None:
    def half(one: str) -> str:
        return one if int(one, 16) % 2 else f"f{one[1:]}"

    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), key="b", images=half)
    row = _rows(a, b)[0]
    assert row["pairing"] == "partly paired"
    assert 0 < row["common_groups"] < row["groups"]


def test_runs_that_differ_in_seeds_only_are_repeats_of_one_configuration(tmp_path: Path) -> None:
    runs = [
        fake(tmp_path / name, seeds=(seed,), key=name, config={"grid": {"seeds": [seed]}})
        for seed, name in enumerate(("a", "a2"))
    ]
    other = fake(tmp_path / "b", config={"grid": {"seeds": [0]}, **_other("clahe")}, key="b")
    groups = grouped([*runs, other])
    assert [group.title for group in groups] == ["A = a, a2", "B = b"]
    row = _rows(*runs, other)[0]
    assert (row["reference_trainings"], row["trainings"]) == (2, 1)
    cells = [row for run in runs for row in run.run.done]
    own = [one["accuracy"] for one in cells if _place(one) == row["configuration"]]
    assert row["reference_value"] == pytest.approx(np.mean(own))


def _place(row: Row) -> str:
    return "/".join(str(row[axis.name]) for axis in AXES if axis.role is Role.FACTOR)


def test_other_images_make_no_repeat(tmp_path: Path) -> None:
    a = fake(tmp_path / "a")
    b = fake(tmp_path / "b", images=lambda one: f"f{one[1:]}")
    assert len(grouped([a, b])) == 2


def test_a_network_that_both_runs_trained_differs_from_itself_in_nothing(tmp_path: Path) -> None:
    a, b = (fake(tmp_path / name, config={"explain": name}, seeds=(0,)) for name in ("a", "b"))
    assert len(grouped([a, b])) == 1, "explanations change no training"
    c = fake(tmp_path / "c", config=_other("clahe"))
    rows = _rows(a, c)
    assert {row["pairing"] for row in rows} == {"same network"}
    assert {row["difference"] for row in rows} == {0.0}


def test_scenarios_are_matched_by_their_classes_and_not_by_their_names(tmp_path: Path) -> None:
    classes = ["Avulsion fracture", "Spiral Fracture", "Hairline Fracture"]
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), key="b", scenarios={"three": classes})
    c = fake(tmp_path / "c", config=_other("clahe"), key="c", scenarios={"1": classes[:2]})
    assert {row["scenario"] for row in _rows(a, b)} == {"1"}
    assert len(_rows(a, b)) == 8
    assert _rows(a, c) == []


def test_the_mean_over_matched_cells_is_the_mean_of_their_differences(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), better=0.3, key="b")
    (overall,) = _rows(a, b, kind=OVERALL)
    matched = [row["difference"] for row in _rows(a, b)]
    assert overall["pairs"] == len(matched)
    assert overall["difference"] == pytest.approx(np.mean(matched))
    assert overall["low"] < overall["difference"] < overall["high"]


def test_the_configurations_that_validation_chose_are_compared(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config=_other("clahe"), key="b")
    (chosen,) = _rows(a, b, kind=CHOSEN)
    best = max(b.run.done, key=lambda row: row["val_accuracy"])
    assert chosen["configuration"] == _place(best)
    assert chosen["value"] == pytest.approx(best["accuracy"])


def test_only_settings_that_differ_are_listed(tmp_path: Path) -> None:
    a = fake(tmp_path / "a", config=_other("none"))
    b = fake(tmp_path / "b", config={**_other("clahe"), "name": "b", "search": {"draws": 3}})
    found = {
        (part, name): values for part, name, values in by_setting(setting_rows(grouped([a, b])))
    }
    assert found["configuration", "preprocess.contrast"] == {"A": "none", "B": "clahe"}
    assert ("configuration", "name") not in found
    assert not any(part in ("data", "hardware") for part, _ in found)


def test_shared_images_and_changed_labels_are_counted(tmp_path: Path) -> None:
    a = fake(tmp_path / "a")
    b = fake(tmp_path / "b", images=lambda one: one if int(one, 16) % 4 else f"f{one[1:]}")
    found = {name: values for part, name, values in by_setting(setting_rows(grouped([a, b])))}
    shared, used = len(a.images.keys() & b.images.keys()), len(b.images)
    assert found["images that A has too"]["B"] == f"{shared} of {used}"


def test_settings_become_dotted_keys() -> None:
    assert flat({"a": {"b": {"c": 1}, "d": [1, "x", None]}, "e": True}) == {
        "a.b.c": "1",
        "a.d": "[1, x, ]",
        "e": "true",
    }


def test_the_metric_that_all_runs_decide_by_is_compared_too(tmp_path: Path) -> None:
    """The difference of two cells is that of their log losses, paired by image."""
    tested = _beside_changed(tmp_path, _flatter)
    rows = difference_rows(tested, ["A", "B"], "log_loss")
    own = [row for row in rows if row["metric"] == "log_loss"]
    assert {row["kind"] for row in own} == {CHOSEN, CONFIGURATION}
    accuracy = [row for row in rows if row["metric"] == "accuracy"]
    assert accuracy == difference_rows(tested, ["A", "B"])
    places = {
        (row[RUN], "/".join(str(row[a.name]) for a in AXES if a.role is Role.FACTOR), i)
        for i, row in enumerate(tested.records)
    }
    checked = 0
    for row in own:
        sides = [
            [i for letter, name, i in places if (letter, name) == (row[run], row[configuration])]
            for run, configuration in (
                ("reference", "reference_configuration"),
                ("run", "configuration"),
            )
        ]
        if [len(side) for side in sides] != [1, 1]:
            continue
        first, second = (tested.outcomes[side[0]] for side in sides)
        losses = [
            -np.log(np.maximum(one.probabilities[np.arange(len(one.labels)), one.labels], 1e-12))
            for one in (first, second)
        ]
        assert row["reference_value"] == pytest.approx(losses[0].mean())
        assert row["difference"] == pytest.approx(losses[1].mean() - losses[0].mean())
        assert row["low"] < row["difference"] < row["high"]
        checked += 1
    assert checked


def test_a_difference_of_more_than_one_nat_lies_in_its_interval(tmp_path: Path) -> None:
    """Log losses are not shares, whose differences end at 1."""
    tested = _beside_changed(tmp_path, _surely_wrong)
    rows = difference_rows(tested, ["A", "B"], "log_loss")
    own = [row for row in rows if row["metric"] == "log_loss"]
    assert own
    for row in own:
        assert row["difference"] > 1
        assert row["low"] < row["difference"] < row["high"]


def _beside_changed(folder: Path, change: Callable[[np.ndarray], np.ndarray]) -> Tested:
    """Two runs, the second with its predicted probabilities changed."""
    a = fake(folder / "a", config=_other("none"))
    fake(folder / "b", config=_other("clahe"), key="b")
    results = folder / "b" / "results"
    table = pd.read_parquet(results / "predictions.parquet")
    changed = table["probabilities"].map(change)
    write_table(results, "predictions", table.assign(probabilities=changed))
    return merged(grouped([a, NamedRun("b", load_run(folder / "b"))]))


def _surely_wrong(probabilities: np.ndarray) -> np.ndarray:
    """Nearly all probability on the class beside the likeliest, and none on the others."""
    found = np.full(len(probabilities), 1e-6)
    found[(int(np.argmax(probabilities)) + 1) % len(found)] = 1.0
    return found / found.sum()


def _flatter(probabilities: np.ndarray) -> np.ndarray:
    roots: np.ndarray = np.sqrt(probabilities)
    return roots / roots.sum()


def test_only_a_metric_of_all_runs_is_shared() -> None:
    assert shared_metric(["log_loss", "log_loss"]) == "log_loss"
    assert shared_metric(["log_loss", "accuracy"]) is None
    assert shared_metric(["accuracy", "accuracy"]) is None
