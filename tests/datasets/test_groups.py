"""Groups by the user's rules."""

import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from datasets.duplicates import with_groups
from datasets.errors import DataError
from datasets.groups import known_pairs, roboflow_stem

PATHS = ["a/P1_1.png", "a/P1_2.png", "a/P2_1.png", "b/P2_9.png", "b/other.png"]


def manifest(paths: list[str] = PATHS, patients: list[str] | None = None) -> pd.DataFrame:
    ids = [f"id{number}" for number in range(len(paths))]
    columns = {"image_id": ids, "path": paths, "patient": patients or "", "problem": ""}
    return pd.DataFrame(columns)


def groups(table: pd.DataFrame, group_by: str | None, root: str = ".") -> list[str]:
    """The paths that share a group with another, group by group."""
    grouped = with_groups(table, known_pairs(table, group_by, root).pairs)
    sets = grouped.groupby("group")["path"].agg(list)
    return [" ".join(paths) for paths in sets if len(paths) > 1]


@pytest.mark.parametrize("rule", [r"P\d", r"(P\d)_", r"/(?P<group>P\d)_(\d)", r"(?:a|b)/(P\d)"])
def test_a_regular_expression_names_the_group(rule: str) -> None:
    assert groups(manifest(), rule) == ["a/P1_1.png a/P1_2.png", "a/P2_1.png b/P2_9.png"]
    assert known_pairs(manifest(), rule, ".").unmatched == 1


def test_a_group_is_a_star_not_all_pairs() -> None:
    found = known_pairs(manifest([f"a/P1_{n}.png" for n in range(50)]), r"P1", ".").pairs
    assert len(found) == 49
    assert set(found["image_id_a"]) == {"id0"}
    assert set(found["kind"]) == {"user"}


def test_a_rule_that_matches_nothing_is_reported_in_one_line() -> None:
    with pytest.raises(DataError, match="matches none of the 5 images") as caught:
        known_pairs(manifest(), "patient=(.+)", ".")
    assert "'a/P1_1.png'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_images_of_a_dicom_patient_are_grouped_without_a_rule() -> None:
    assert groups(manifest(patients=["x", "", "x", "y", "y"]), None) == [
        "a/P1_1.png a/P2_1.png", "b/P2_9.png b/other.png",
    ]  # fmt: skip


def test_unusable_files_are_in_no_pair() -> None:
    table = manifest().assign(problem=["broken", "", "", "", ""])
    assert groups(table, "(P1)") == []


def test_roboflow_copies_of_one_upload_share_their_stem() -> None:
    names = [
        "train/Oblique/knee-2_jpg.rf.0a4f68fb0c9b522ce75a26df6061f.jpg",
        "test/Oblique/knee-2_jpg.rf.9465bfeae560e0d37a57e6096249c030.jpg",
        "train/Spiral/knee-2_jpg.rf.9465bfeae560e0d37a57e6096249c031.jpg",
        "train/Oblique/knee_2.jpg",
    ]
    stems = [roboflow_stem(name) for name in names]
    assert stems[0] == stems[1] == "Oblique/knee-2"
    assert stems[2] == "Spiral/knee-2"
    assert stems[3] == ""
    assert groups(manifest(names), "roboflow") == [f"{names[0]} {names[1]}"]


def test_file_names_group_the_pieces_of_one_export_and_nothing_else() -> None:
    digest = "9465bfeae560e0d37a57e6096249c030"
    names = [
        f"train/Oblique/image2_jpg.rf.{digest}.jpg",
        f"train/Oblique/image_jpg.rf.{digest}.jpg",
        f"train/Oblique/image2_jpg.rf.{digest[::-1]}.jpg",
        f"train/Spiral/image2_jpg.rf.{digest[8:] + digest[:8]}.jpg",
    ]
    assert groups(manifest(names), "filename") == [" ".join(names[:3])]
    sequence = manifest([f"a/{number:03d}.png" for number in range(9)])
    known = known_pairs(sequence, "filename", ".")
    assert (len(known.pairs), known.unmatched) == (0, 9)


def forms(name: str) -> list[str]:
    """The composed form (NFC), and the one that macOS writes (NFD)."""
    found = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert found[0] != found[1]
    return found


@pytest.mark.parametrize("stored", [0, 1])
def test_names_are_found_in_any_unicode_form(stored: int, tmp_path: Path) -> None:
    paths = [forms(f"ärzte/é{number}.png")[stored] for number in range(3)]
    rows = [
        f"{forms(f'ärzte/é{number}.png')[1 - stored]},{forms('Zoé')[number]}" for number in (0, 1)
    ]
    (tmp_path / "known.csv").write_text("path,group\n" + "\n".join(rows), encoding="utf-8")
    table = manifest(paths)
    assert groups(table, str(tmp_path / "known.csv")) == [f"{paths[0]} {paths[1]}"]
    for rule in forms("(é)[01]"):
        assert groups(table, rule) == [f"{paths[0]} {paths[1]}"]


def test_two_files_of_one_name_in_two_unicode_forms_are_distinguished(tmp_path: Path) -> None:
    paths = [f"a/{name}" for name in forms("é.png")]
    other = "a/e.png"
    (tmp_path / "known.csv").write_text(
        f"path,group\n{paths[0]},P1\n{other},P1\n{paths[1]},P2\n", encoding="utf-8"
    )
    assert groups(manifest([*paths, other]), str(tmp_path / "known.csv")) == [f"{paths[0]} {other}"]
