"""What counts as found, right and false in the benchmark of everyday copies."""

import numpy as np

from benchmarks import foreign
from benchmarks.everyday import Planted, _near, mates_of, measure, plant_everyday
from datasets.lookalikes.everyday import HELD_OUT, USUAL
from tests.datasets.lookalikes.small import drawn


def test_pairs_are_judged_by_what_their_pictures_show() -> None:
    blank = [np.zeros((2, 2), np.uint8)] * 6
    sources = [frozenset({0}), frozenset({1}), frozenset({2})]
    planted = Planted(blank, ["half", "half", "slide"], sources)  # rows 3, 4 and 5
    # 0 and 1 are copies of one another, so that 3 shows what 1 does; 5 is found with strangers only
    pairs = {(0, 1), (1, 3), (3, 4), (0, 5), (4, 5)}
    half, slide = measure(planted, pairs, mates_of(pairs, 3))
    assert half == {
        "kind": "half",
        "held_out": False,
        "planted": 2,
        "found": 1,
        "right_pairs": 2,
        "false_pairs": 0,
    }
    assert (slide["found"], slide["right_pairs"], slide["false_pairs"]) == (0, 0, 2)
    assert slide["held_out"]


def test_every_kind_is_planted_and_joined_pictures_show_two() -> None:
    planted = plant_everyday([drawn(0)[::2, ::2], drawn(1)[::2, ::2]], 1, seed=0)
    assert planted.kinds == [*USUAL, *HELD_OUT]
    assert planted.originals == 2
    assert len(planted.pictures) == 2 + len(planted.kinds)
    assert max(len(shown) for shown in planted.sources) <= 2


def test_hashes_are_near_up_to_ten_bits() -> None:
    hashes = {"0": "0" * 16, "1": "0" * 13 + "3ff", "2": "0" * 13 + "7ff"}
    assert _near(hashes) == {(0, 1), (1, 2)}


def test_foreign_sets_hold_different_pictures() -> None:
    for make in foreign.SETS.values():
        pictures = make(12)
        assert len({picture.tobytes() for picture in pictures}) == len(pictures) == 12
