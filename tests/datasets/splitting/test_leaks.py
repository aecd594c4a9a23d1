"""Leak counts on splits made by hand."""

import pandas as pd
import pytest

from datasets.splitting.leaks import KINDS, count_leaks
from tests.datasets.random_data import NO_PAIRS


def images(**groups: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": list(groups), "group": list(groups.values())})


def rows(**parts: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": list(parts), "copy": 0, "part": list(parts.values())})


def pairs(*found: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(found), columns=["image_id_a", "image_id_b", "kind"])


def kinds(split: pd.DataFrame, table: pd.DataFrame, links: pd.DataFrame) -> dict[str, int]:
    return {k: n for k, n in count_leaks(split, table, links).by_kind.items() if n}


def test_a_leak_is_a_row_with_its_image_or_a_mate_in_training() -> None:
    table = images(a="x", b="x", c="y", d="z")
    split = pd.DataFrame(
        {"image_id": list("abbcd"), "copy": 0, "part": ["train", "test", "test", "val", "test"]}
    )
    found = count_leaks(split, table, NO_PAIRS)
    assert (found.leaked, found.rows) == (2, 3)


def test_a_copy_of_the_image_itself_comes_before_any_duplicate() -> None:
    split = pd.DataFrame(
        {"image_id": list("aaab"), "copy": [0, 1, 2, 0], "part": ["train", "test", "val", "train"]}
    )
    table = images(a="a", b="a")
    assert kinds(split, table, pairs(("a", "b", "exact"))) == {"same_image": 1}
    assert count_leaks(split, table, NO_PAIRS, "val").by_kind["same_image"] == 1


@pytest.mark.parametrize("kind", list(KINDS)[1:4])
@pytest.mark.parametrize("pair", ["ab", "ba"])
def test_a_pair_into_train_gives_its_kind_whichever_way_it_is_written(kind: str, pair: str) -> None:
    table, split = images(a="g", b="g"), rows(a="train", b="test")
    assert kinds(split, table, pairs((pair[0], pair[1], kind))) == {kind: 1}


def test_the_closest_of_several_pairs_counts() -> None:
    table = images(a="g", b="g", c="g", d="g")
    split = rows(a="train", b="train", c="train", d="test")
    links = pairs(("a", "d", "user"), ("b", "d", "near"), ("c", "d", "exact"))
    assert kinds(split, table, links) == {"exact": 1}
    assert kinds(split, table, links[:2]) == {"near": 1}


def test_a_mate_through_an_image_that_is_not_in_train_is_of_kind_group() -> None:
    table = images(a="g", b="g", c="g")
    links = pairs(("a", "b", "exact"), ("b", "c", "near"))
    assert kinds(rows(a="train", b="val", c="test"), table, links) == {"group": 1}


def test_a_pair_of_a_kind_of_later_times_counts_as_a_group_mate() -> None:
    table, links = images(a="g", b="g"), pairs(("a", "b", "patient"))
    assert kinds(rows(a="train", b="test"), table, links) == {"group": 1}


def test_a_pair_that_no_group_holds_is_a_leak_all_the_same() -> None:
    table, links = images(a="a", b="b"), pairs(("a", "b", "near"))
    assert kinds(rows(a="train", b="test"), table, links) == {"near": 1}


def test_pairs_of_images_that_take_no_part_are_no_leaks() -> None:
    table = images(a="g", b="g", c="h")
    links = pairs(("a", "b", "exact"), ("x", "c", "near"))
    assert kinds(rows(b="test", c="train"), table, links) == {}


def test_validation_and_test_do_not_leak_into_each_other() -> None:
    table, links = images(a="g", b="g"), pairs(("a", "b", "exact"))
    split = rows(a="val", b="test")
    assert count_leaks(split, table, links).leaked == 0
    assert count_leaks(split, table, links, "val").leaked == 0
