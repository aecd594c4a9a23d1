"""Columns become levels; what identifies people is left out."""

import math
from pathlib import Path

import pandas as pd
import pytest

from datasets.decoding.decode import read_tags
from datasets.errors import DataError
from datasets.metadata.dicom_tags import tags_of, years
from datasets.metadata.levels import levels_of
from datasets.metadata.private import may_identify
from datasets.metadata.table import COLUMNS, metadata_of
from tests.datasets.decoding.dicom_files import dicom_file, ramp


def test_ages_are_decades_and_the_oldest_are_together() -> None:
    found = levels_of("PatientAge", ["9", "10", "", "93", "101", "NA", "19.5"])
    assert found.names == ["0-9", "10-19", "90 and older"]
    assert found.of == [0, 1, -1, 2, 2, -1, 1]
    assert found.numbers is not None
    assert [n for n in found.numbers if not math.isnan(n)] == [9, 10, 90, 90, 19.5]


def test_other_numbers_are_quarters_of_the_images() -> None:
    found = levels_of("dose", [str(n) for n in range(100)])
    assert found.binning == "quartiles"
    assert pd.Series(found.of).value_counts().to_dict() == {0: 25, 1: 25, 2: 25, 3: 25}
    assert found.names[0] == "up to 24.75"
    assert found.names[-1] == "above 74.25"


def test_few_numbers_and_texts_are_categories_in_any_case() -> None:
    assert levels_of("grade", ["2", "10", "2", "?"]).names == ["2", "10"]
    found = levels_of("sex", ["F", "f", "M", "unknown", " F "])
    assert (found.names, found.of) == (["F", "M"], [0, 0, 1, -1, 0])


def test_the_rarest_of_many_values_are_one_level() -> None:
    values = [f"s{n}" for n in range(30)] + ["s7"] * 5
    found = levels_of("scanner", values)
    assert len(found.names) == 12
    assert found.names[-1] == "19 other values"
    assert sum(at == 11 for at in found.of) == 19


@pytest.mark.parametrize(
    ("name", "values", "identifies"),
    [
        ("patient_id", ["1", "1", "2"], True),
        ("PatientName", ["x"], True),
        ("Date of birth", ["x"], True),
        ("study date", ["2020-01-01"] * 9, True),
        ("MRN", ["x"], True),
        ("patient age", ["1", "2"], False),
        ("Patient Sex", ["F"], False),
        ("site", ["a", "b"], False),
        ("code", [str(n) for n in range(40)], True),  # whole and all different
        ("weight", [str(n / 7) for n in range(40)], False),
        ("age", [str(n) for n in range(40)], False),
        ("remark", ["x"], True),
        ("label2", [f"text {n}" for n in range(40)], True),  # a text of its own for every image
        ("site_or_so", [f"text {n % 21}" for n in range(90)], False),
    ],
)
def test_columns_that_identify_people_are_recognised(
    name: str, values: list[str], identifies: bool
) -> None:
    assert may_identify(name, values) == identifies


def test_the_table_has_a_row_for_each_image_and_column_and_nothing_private() -> None:
    columns = pd.DataFrame(
        {"sex": ["F", "", "M"], "patient_name": ["Doe^Jane", "Roe", "Poe"], "empty": [""] * 3},
        index=["i2", "i1", "i3"],
    )
    found = metadata_of(columns)
    assert list(found.rows) == list(COLUMNS)
    assert found.rows[["image_id", "level", "position"]].to_numpy().tolist() == [
        ["i1", "", -1],
        ["i2", "F", 0],
        ["i3", "M", 1],
    ]
    assert "Doe" not in found.rows.to_csv()
    assert [remark.text for remark in found.remarks] == [
        "metadata column patient_name: may identify people or single images",
        "metadata column empty: no value",
    ]
    assert list(metadata_of(pd.DataFrame(index=["a"])).rows) == list(COLUMNS)


def test_headers_tell_age_sex_machine_and_view_and_no_name(tmp_path: Path) -> None:
    path = tmp_path / "IM1"
    path.write_bytes(
        dicom_file(
            ramp(),
            PatientName="Doe^Jane",
            PatientID="4711",
            PatientAge="018M",
            PatientSex="F",
            Manufacturer="Acme",
            ViewPosition="PA",
        )
    )
    assert tags_of(path) == {
        "DICOM age": "1.5",
        "DICOM sex": "F",
        "DICOM manufacturer": "Acme",
        "DICOM modality": "",
        "DICOM view": "PA",
        "DICOM body part": "",
    }
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert tags_of(tmp_path / "1.png") is None
    with pytest.raises(DataError, match="PatientName: may identify a person"):
        read_tags(path.read_bytes(), ["PatientName"])


@pytest.mark.parametrize(("age", "expected"), [("045Y", "45"), ("010D", "0.02738"), ("old", "")])
def test_ages_are_in_years(age: str, expected: str) -> None:
    assert years(age) == expected
