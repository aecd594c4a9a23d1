"""Pairs of equal files, and groups formed from pairs."""

import pandas as pd
import pytest

from datasets.duplicates import PAIR_COLUMNS, find_exact, with_groups


def _manifest(*image_ids: str) -> pd.DataFrame:
    pixels = [image_id.partition("-")[0] for image_id in image_ids]
    table = {
        "image_id": image_ids,
        "group": image_ids,
        "problem": "",
        "pixel_hash": pixels,
        "contrast": 50.0,
    }
    return pd.DataFrame(table)


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


def test_files_with_different_bytes_and_the_same_pixels_are_copies() -> None:
    manifest = _manifest("aa", "bb", "cc").assign(pixel_hash=["x", "y", "x"])
    found = find_exact(manifest)
    assert list(zip(found["image_id_a"], found["image_id_b"], strict=True)) == [("aa", "cc")]


def test_pictures_of_one_colour_are_copies_only_by_their_bytes() -> None:
    manifest = _manifest("aa", "aa-2", "bb").assign(pixel_hash="x", contrast=0.0)
    assert list(find_exact(manifest)["image_id_b"]) == ["aa-2"]


def test_files_without_a_pixel_hash_are_compared_by_their_bytes() -> None:
    manifest = _manifest("aa", "aa-2", "cc").assign(pixel_hash="")
    found = find_exact(manifest)
    assert list(zip(found["image_id_a"], found["image_id_b"], strict=True)) == [("aa", "aa-2")]


def test_unusable_files_are_not_duplicates() -> None:
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
