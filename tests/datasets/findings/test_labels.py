"""Planted wrong labels rank high; copies under two classes are reported."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.findings.labels import (
    Features,
    cross_class_pairs,
    outline_features,
    rank_labels,
)
from datasets.lookalikes.thumbnails import Thumbnails, thumbnail
from datasets.pairs import pair_table

CLASSES, EACH = 5, 30


@cache
def drawn() -> tuple[pd.DataFrame, Features]:
    """Thirty radiographs of five fracture types and their features."""
    names = [FRACTURE_TYPES[n % CLASSES] for n in range(CLASSES * EACH)]
    pixels = np.stack([thumbnail(draw_radiograph(name, n)) for n, name in enumerate(names)])
    ids = [f"{n:03d}" for n in range(len(names))]
    images = pd.DataFrame({"image_id": ids, "class": names, "group": ids})
    return images, outline_features(Thumbnails(pixels, np.ones(len(names))))


def test_planted_mislabels_rank_well_above_chance() -> None:
    images, features = drawn()
    planted = np.arange(len(images)) % 15 == 0
    moved = [FRACTURE_TYPES[(n + 1 + n // 15 % 4) % CLASSES] for n in range(len(images))]
    images = images.assign(**{"class": np.where(planted, moved, images["class"])})
    ranked = rank_labels(images, features).set_index("image_id")
    assert sorted(ranked.index) == sorted(images["image_id"])
    assert ranked["score"].between(0, 1).all()
    assert roc_auc_score(planted, ranked.loc[images["image_id"], "score"]) > 0.75


def test_group_mates_do_not_vote() -> None:
    images, features = drawn()
    everywhere = np.concatenate([features, features])  # each twice, under another class
    other = images.assign(**{"class": np.roll(images["class"], 1)})
    twice = pd.concat([images, other.assign(image_id="x" + images["image_id"])], ignore_index=True)
    ranked = rank_labels(twice, everywhere)
    for image_id, near in zip(ranked["image_id"], ranked["neighbours"], strict=True):
        assert image_id[-3:] not in {neighbour[-3:] for neighbour in near}


def test_one_class_or_one_group_gives_nothing_to_compare() -> None:
    images, features = drawn()
    assert rank_labels(images.assign(**{"class": "a"}), features).empty
    assert rank_labels(images.assign(group="g"), features).empty


def test_copies_under_two_classes_are_reported_but_not_views_of_a_patient() -> None:
    images = pd.DataFrame({"image_id": ["a", "b", "c"], "class": ["x", "y", "x"]})
    pairs = pair_table(
        [
            ("a", "b", "near", 0.9, "identity"),
            ("a", "c", "near", 0.9, "identity"),
            ("b", "c", "user", 1.0, "group"),
        ]
    )
    found = cross_class_pairs(images, pairs)
    assert found[["image_id_a", "image_id_b", "class_a", "class_b"]].to_numpy().tolist() == [
        ["a", "b", "x", "y"]
    ]
