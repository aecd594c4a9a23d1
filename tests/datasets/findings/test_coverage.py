"""Classes missing from a part, and the text that lists them."""

import pandas as pd

from datasets.findings.coverage import (
    in_words,
    lacking_in_parts,
    missing_in_layers,
    untested_by_default,
)
from datasets.splits import split_rows


def images(counts: dict[str, int], origin: str = "") -> pd.DataFrame:
    ids = [
        (f"{name}{i}", name, f"{name}{i}", origin) for name in counts for i in range(counts[name])
    ]
    return pd.DataFrame(ids, columns=["image_id", "class", "group", "origin"])


def test_classes_missing_from_a_layer_are_found() -> None:
    layers = [
        images({"a": 2, "b": 2}, "Training"),
        images({"a": 1, "c": 1}, "testing"),
        images({"a": 1, "b": 1}, "fold1"),
    ]
    table = pd.concat(layers, ignore_index=True)
    table["image_id"] = table.index.map(str)
    assert missing_in_layers(table) == {"train": ["c"], "test": ["b"]}
    assert missing_in_layers(images({"a": 2, "b": 2})) == {}


def test_as_many_classes_are_untested_by_the_default_fractions_as_in_the_split() -> None:
    for counts in ({f"c{k:02d}": 3 for k in range(60)}, {"a": 30, "b": 30}, {"a": 40, "b": 3}):
        table = images(counts)
        rows = split_rows(table, sorted(counts), "grouped", seed=0, copies=0).merge(table)
        tested = set(rows.loc[rows["part"] == "test", "class"])
        assert len(untested_by_default(table)) == len(counts) - len(tested)
    assert len(untested_by_default(images({f"c{k:02d}": 3 for k in range(60)}))) == 42


def test_classes_are_counted_in_groups() -> None:
    table = images({"a": 30, "b": 30})
    assert untested_by_default(table) == []
    halves = table["class"] + (table.index % 2).astype(str)
    assert len(untested_by_default(table.assign(group=halves))) == 1  # of 4 groups, 1 is tested


def test_the_folds_of_a_division_test_every_class() -> None:
    first = pd.DataFrame({"part": ["train", "val", "test"], "label": [0, 1, 0]})
    second = pd.DataFrame({"part": ["train", "val", "test"], "label": [1, 0, 1]})
    lacking = lacking_in_parts([first], ["a", "b"])
    assert lacking == {"train": ["b"], "val": ["a"], "test": ["b"]}
    assert lacking_in_parts([first, second], ["a", "b"]) == {}
    assert in_words(lacking, 2) == (
        "1 of 2 classes has no test image ('b'), 1 of 2 classes no validation image ('a'), "
        "1 of 2 classes no training image ('b')"
    )
