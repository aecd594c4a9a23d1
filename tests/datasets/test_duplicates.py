"""Pairs of equal files, and the groups that pairs make."""

import pandas as pd
import pytest

from datasets.duplicates import PAIR_COLUMNS, find_exact, with_groups


def _manifest(*image_ids: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": image_ids, "group": image_ids, "problem": ""})


def _pairs(*pairs: tuple[str, str]) -> pd.DataFrame:
    rows = [(a, b, "near", 0.9, "flip") for a, b in pairs]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def test_every_pair_of_equal_files_is_found_and_no_other() -> None:
    found = find_exact(_manifest("aa", "bb", "aa-2", "aa-3", "cc"))
    assert tuple(found.columns) == PAIR_COLUMNS
    pairs = list(zip(found["image_id_a"], found["image_id_b"], strict=True))
    assert pairs == [("aa", "aa-2"), ("aa", "aa-3"), ("aa-2", "aa-3")]
    assert set(found["kind"]) == {"exact"}
    assert set(found["transform"]) == {"identity"}
    assert set(found["score"]) == {1.0}


def test_unusable_files_are_no_duplicates() -> None:
    manifest = _manifest("aa", "aa-2").assign(problem="cannot be read as an image: empty file")
    assert find_exact(manifest).empty


def test_tables_of_two_finders_can_be_joined_even_when_one_is_empty() -> None:
    joined = pd.concat([find_exact(_manifest("aa")), _pairs(("aa", "bb"))])
    assert list(joined.columns) == list(PAIR_COLUMNS)
    assert list(with_groups(_manifest("bb", "aa"), joined)["group"]) == ["aa", "aa"]


def test_groups_are_connected_components_named_by_their_smallest_image() -> None:
    manifest = _manifest("e", "d", "c", "b", "a", "z")
    grouped = with_groups(manifest, _pairs(("d", "e"), ("b", "c"), ("c", "e"), ("a", "a")))
    assert dict(zip(grouped["image_id"], grouped["group"], strict=True)) == {
        "b": "b", "c": "b", "d": "b", "e": "b", "a": "a", "z": "z",
    }  # fmt: skip
    assert list(manifest["group"]) == list(manifest["image_id"])


def test_a_pair_of_an_unknown_image_is_refused() -> None:
    with pytest.raises(KeyError):
        with_groups(_manifest("a"), _pairs(("a", "b")))
