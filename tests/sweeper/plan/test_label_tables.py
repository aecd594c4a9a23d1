"""A run on images whose labels, groups and parts stand in a table."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from datasets.errors import DataError
from sweeper.audit.audit import run_audit
from sweeper.config.load import load_config
from sweeper.config.schema import DataSection
from sweeper.errors import ConfigError
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.store.store import Store
from tests.datasets.decoding.dicom_files import dicom_file, ramp
from tests.sweeper.folders import write_config, write_images

MakePlan = Callable[..., Plan]


@pytest.fixture
def make(tmp_path: Path) -> MakePlan:
    """Plans on twelve images in two class folders, with overrides."""
    images = write_images(tmp_path / "images", {"a": 6, "b": 6})
    config_file, store = write_config(tmp_path, images), Store(str(tmp_path / "store"))

    def build(*overrides: str) -> Plan:
        config = load_config(config_file, overrides)
        return Plan(config, collect(config.data, store), store)

    return build


def table_of(tmp_path: Path, **columns: str) -> str:
    """`labels.csv` for the twelve images; a column's value may name {number} and {label}."""
    rows = [
        {"path": f"{label}/{number}.png", "label": label}
        | {name: text.format(number=number, label=label) for name, text in columns.items()}
        for label in "ab"
        for number in range(6)
    ]
    path = tmp_path / "labels.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return f"data.labels={path}"


def test_a_table_with_the_labels_of_the_folders_makes_the_same_trials(
    make: MakePlan, tmp_path: Path
) -> None:
    plain, labelled = make(), make(table_of(tmp_path, age="{number}"))
    assert labelled.collection.hash == plain.collection.hash
    keys = [
        [
            spec.key
            for cell in plan.cells
            if cell.strategy == "transfer"
            for spec in plan.trials(cell, None)
        ]
        for plan in (plain, labelled)
    ]
    assert keys[0] == keys[1] != []


def test_the_column_group_keeps_images_in_one_part(make: MakePlan, tmp_path: Path) -> None:
    plan = make(table_of(tmp_path, group="patient {number}"), "split.fractions=[0.4, 0.3, 0.3]")
    images = plan.collection.images
    assert images.groupby("group").size().to_list() == [2] * 6
    number = images.set_index("image_id")["path"].str[2:]
    for split in plan.splits.values():
        parts = split.rows.assign(patient=split.rows["image_id"].map(number))
        assert (parts.groupby("patient")["part"].nunique() == 1).all()
    assert (plan.collection.duplicates["kind"] == "user").sum() == 6


def test_groups_of_a_table_are_joined_with_other_groups(make: MakePlan, tmp_path: Path) -> None:
    table = table_of(tmp_path, group="{label}")
    plan = make(table, r"data.group_by=/(\d)")
    assert plan.collection.images["group"].nunique() == 1


def test_images_without_a_group_are_counted(make: MakePlan, tmp_path: Path) -> None:
    setting = table_of(tmp_path, group="")
    assert make(setting).collection.ungrouped == 12
    assert make().collection.ungrouped == 0


def test_the_column_split_is_the_policy_given(make: MakePlan, tmp_path: Path) -> None:
    setting = table_of(tmp_path, split="test")
    path = Path(setting.partition("=")[2])
    rows = pd.read_csv(path)
    rows.loc[rows["path"].str[2].astype(int) < 4, "split"] = "train"
    rows.loc[rows["path"].str[2].astype(int) == 3, "split"] = "val"
    rows.to_csv(path, index=False)
    plan = make(setting, "split.policies=[given]")
    place = plan.collection.images.set_index("image_id")["path"].str[2].astype(int)
    for split in plan.splits.values():
        found = split.rows.assign(number=split.rows["image_id"].map(place))
        expected = {"train": {0, 1, 2}, "val": {3}, "test": {4, 5}}
        assert {part: set(own["number"]) for part, own in found.groupby("part")} == expected


def test_a_policy_given_without_a_split_names_the_column(make: MakePlan, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a column split in data\.labels, and there is neither"):
        bool(make(table_of(tmp_path), "split.policies=[given]").splits)


def test_one_class_in_the_table_is_refused(make: MakePlan, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="all labels of the table are 'x'; choose the column"):
        make(table_of(tmp_path, finding="x"), "data.label=finding")


def test_a_zip_takes_its_labels_from_a_table(make: MakePlan, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "images")
    plan = make(f"data.path={archive}", table_of(tmp_path))
    assert plan.collection.hash == make().collection.hash


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.label=dx"], "data: data.label needs data.labels"),
        (["data.labels=x.csv"], "data: data.labels needs data.path"),
        (["data.path=x", "data.labels=x.csv", "data.labels_unmatched=skip"], "leave_out"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("smoke", overrides)
    assert message in caught.value.lines[0]


def test_further_columns_are_the_metadata_and_names_are_left_out(
    make: MakePlan, tmp_path: Path
) -> None:
    found = make(table_of(tmp_path, age="{number}1", patient_name="Doe{number}")).collection
    assert set(found.metadata["column"]) == {"age"}
    ages = found.images.merge(found.metadata, on="image_id")
    assert (ages["number"] == ages["path"].str[2].astype(int) * 10 + 1).all()
    assert [r.text for r in found.remarks if r.kind == "metadata"] == [
        "metadata column patient_name: may identify people or single images"
    ]


def test_dicom_headers_are_metadata_and_read_once(
    make: MakePlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, sex in enumerate("MF"):
        data = dicom_file(ramp() + number, PatientSex=sex, PatientName="Doe^Jane", PatientID="7")
        (tmp_path / "images" / "a" / f"x{number}.dcm").write_bytes(data)
    first = make().collection
    known = first.metadata[first.metadata["position"] >= 0]
    assert sorted(known["level"]) == ["F", "M"]
    assert set(known["column"]) == {"DICOM sex"}
    assert len(first.metadata) == 14
    monkeypatch.setattr("sweeper.plan.known.tags_of", None)  # the second start reads the store
    again = make().collection
    pd.testing.assert_frame_equal(again.metadata, first.metadata)
    assert {kind for kind, _ in again.artifacts} >= {"tags"}


def test_an_audit_finds_a_column_that_predicts_the_class(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 30, "b": 30})
    rows = [
        f"{label}/{number}.png,{label},{'north' if label == 'a' else 'south'},{number % 2}"
        for label in "ab"
        for number in range(30)
    ]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["path,label,site,sex", *rows]))
    section = DataSection(path=str(images), labels=str(table))
    found = run_audit(section, tmp_path / "out", str(tmp_path / "store"), "audit")
    kinds = {one.kind: one.text for one in found.listed}
    assert kinds["confounder"].startswith("site predicts the class (Cramér's V 1.00)")
    assert "sex predicts" not in " ".join(kinds.values())
    about = json.loads((tmp_path / "out/results/audit.json").read_text())
    assert [one["column"] for one in about["metadata"]] == ["site", "sex"]
