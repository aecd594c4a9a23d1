"""The audit's page: what crosses comes first, a turned copy is turned back, counts are whole."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from datasets.lookalikes.orientations import NAMES, inverse, point_map
from reports.audit_labels import MOST_LABELS, first_labels
from reports.audit_pairs import MOST_PAIRS_OF_A_GROUP, ordered_groups, pictures

STYLE = Path(__file__).parents[2] / "reports" / "templates" / "audit.css"


def images(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Of (image_id, class, layer, group)."""
    table = pd.DataFrame(rows, columns=["image_id", "class", "origin", "group"])
    return table.assign(path=table["origin"] + "/" + table["class"] + "/" + table["image_id"])


def pairs(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["image_id_a", "image_id_b", "kind", "score"])
    return table.assign(transform="identity")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "identity"])
def test_the_style_sheet_turns_a_copy_back(name: str) -> None:
    found = re.search(rf"\.undo-{name} {{ transform: matrix\(([^)]*)\)", STYLE.read_text())
    assert found
    a, b, c, d, _, _ = (float(number) for number in found[1].split(","))
    shown = np.array([[a, c], [b, d]])  # where CSS puts a point, from the picture's middle
    turned_to_source = point_map(inverse(name))[:, :2]
    assert np.array_equal(np.linalg.inv(shown), turned_to_source)


def test_groups_that_cross_come_first_then_the_largest() -> None:
    table = images(
        ("a1", "a", "train", "a1"),
        ("a2", "a", "train", "a1"),
        ("a3", "a", "train", "a1"),
        ("b1", "b", "train", "b1"),
        ("b2", "b", "test", "b1"),
        ("c1", "a", "train", "c1"),
        ("c2", "b", "test", "c1"),
        ("d1", "a", "train", "d1"),
        ("d2", "a", "train", "d1"),
    )
    copies = pairs(
        ("a1", "a2", "near", 0.9),
        ("a2", "a3", "near", 0.8),
        ("b1", "b2", "near", 0.8),
        ("c1", "c2", "near", 0.7),
        ("d1", "d2", "user", 1.0),
    )
    groups = ordered_groups(table, copies)
    assert [group.pairs[0].a["image_id"] for group in groups] == ["c1", "b1", "a1"]
    assert [group.images for group in groups] == [2, 2, 3]
    assert [(g.crosses_classes, g.crosses_layers) for g in groups] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_a_large_group_asks_for_a_few_pictures_only() -> None:
    names = [f"{n:02d}" for n in range(20)]
    table = images(*((name, "a", "", "00") for name in names))
    star = pairs(*(("00", name, "exact", 1.0) for name in names[1:]))
    assert len(list(pictures(ordered_groups(table, star)))) == MOST_PAIRS_OF_A_GROUP


def test_doubtful_labels_come_before_higher_scores() -> None:
    labels = pd.DataFrame(
        {
            "image_id": [f"{n}" for n in range(30)],
            "path": [f"{n}" for n in range(30)],
            "class": "a",
            "suggested": ["a"] * 5 + ["b"] * 25,
            "score": np.linspace(1, 0, 30),
            "neighbours": [["0"]] * 30,
            "doubtful": [n == 20 for n in range(30)],
        }
    )
    shown = [row["image_id"] for row in first_labels(labels)]
    assert shown[:3] == ["20", "5", "6"]
    assert len(shown) == MOST_LABELS
