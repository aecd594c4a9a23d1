"""The three split policies over many random data sets, and the paper's own numbers."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datasets.errors import DataError
from datasets.splits import PARTS
from datasets.splitting.leaks import count_leaks
from datasets.splitting.policies import DRAWN
from tests.datasets.drawn_rows import split_rows

PAPER = {
    "Avulsion": 123, "Comminuted": 148, "Dislocation": 156, "Greenstick": 122, "Hairline": 111,
    "Impacted": 84, "Longitudinal": 80, "Oblique": 85, "Pathological": 134, "Spiral": 86,
}  # fmt: skip
SCENARIO_1, SCENARIO_2 = list(PAPER)[:5], list(PAPER)[5:]

NO_PAIRS = pd.DataFrame({"image_id_a": [], "image_id_b": [], "kind": []})

class_sizes = st.lists(st.integers(3, 60), min_size=1, max_size=6)
fractions = st.sampled_from(
    [(0.8, 0.1, 0.1), (0.7, 0.15, 0.15), (0.6, 0.3, 0.1), (0.34, 0.33, 0.33)]
)
seeds = st.integers(0, 10**6)


def _manifest(sizes: dict[str, int]) -> pd.DataFrame:
    names = [name for name, size in sizes.items() for _ in range(size)]
    ids = [f"{i * 7919 % 100003:08x}" for i in range(len(names))]
    return pd.DataFrame({"image_id": ids, "class": names, "group": ids, "problem": ""})


def _named(sizes: list[int]) -> pd.DataFrame:
    return _manifest({f"class {i}": size for i, size in enumerate(sizes)})


def _grouped(manifest: pd.DataFrame, seed: int, largest: int) -> pd.DataFrame:
    """Random groups of up to `largest` neighbours; some span two classes."""
    generator = np.random.default_rng(seed)
    group, groups = "", []
    left = 0
    for image_id in manifest["image_id"]:
        if left == 0:
            group, left = image_id, int(generator.integers(1, largest + 1))
        groups.append(group)
        left -= 1
    return manifest.assign(group=groups)


def _sizes(rows: pd.DataFrame) -> tuple[int, ...]:
    return tuple(int((rows["part"] == part).sum()) for part in PARTS)


@pytest.mark.parametrize(
    ("classes", "copies", "expected"),
    [
        (SCENARIO_1, 0, (528, 66, 66)),
        (SCENARIO_2, 0, (375, 47, 47)),
        (list(PAPER), 0, (903, 113, 113)),
        (list(PAPER), 8, (8128, 1016, 1017)),
        (SCENARIO_2, 8, (3376, 422, 423)),
        (SCENARIO_1, 8, (4752, 594, 594)),
    ],
)
def test_pooled_parts_have_the_papers_sizes(
    classes: list[str], copies: int, expected: tuple[int, ...]
) -> None:
    rows = split_rows(_manifest(PAPER), classes, "pooled", seed=0, copies=copies)
    assert _sizes(rows) == expected


@pytest.mark.parametrize("policy", ["stratified", "grouped"])
def test_only_training_images_get_copies_unless_pooled(policy: str) -> None:
    rows = split_rows(_manifest(PAPER), list(PAPER), policy, seed=0, copies=8)
    assert _sizes(rows) == (903 * 9, 113, 113)
    assert set(rows.loc[rows["part"] != "train", "copy"]) == {0}
    assert (rows[rows["part"] == "train"].groupby("image_id")["copy"].nunique() == 9).all()


@settings(deadline=None)
@given(class_sizes, st.sampled_from(list(DRAWN)), st.integers(0, 3), seeds, fractions)
def test_every_image_is_in_exactly_one_part_and_every_pooled_row_too(
    sizes: list[int], policy: str, copies: int, seed: int, parts: tuple[float, float, float]
) -> None:
    manifest = _named(sizes)
    rows = split_rows(
        manifest, sorted(set(manifest["class"])), policy, seed=seed, copies=copies, fractions=parts
    )
    assert not rows.duplicated(["image_id", "copy"]).any()
    assert set(rows["image_id"]) == set(manifest["image_id"])
    if policy == "pooled":
        assert len(rows) == len(manifest) * (copies + 1)
    else:
        assert (rows.groupby("image_id")["part"].nunique() == 1).all()


@settings(deadline=None)
@given(class_sizes, st.sampled_from(list(DRAWN)), st.integers(0, 3), seeds, fractions)
def test_each_class_has_its_share_of_each_part_within_one(
    sizes: list[int], policy: str, copies: int, seed: int, parts: tuple[float, float, float]
) -> None:
    manifest = _named(sizes)
    assume(len(manifest) >= 5)  # smaller classes are split so that no part is empty
    classes = sorted(set(manifest["class"]))
    rows = split_rows(manifest, classes, policy, seed=seed, copies=copies, fractions=parts)
    if policy != "pooled":
        rows = rows[rows["copy"] == 0]
    n, totals = len(rows), _sizes(rows)
    assert totals[2] - n * parts[2] < 1.5
    assert -1 < n * parts[0] - totals[0] < 1 + 1e-9
    class_of = manifest.set_index("image_id")["class"]
    table = pd.crosstab(rows["image_id"].map(class_of), rows["part"]).reindex(
        columns=list(PARTS), fill_value=0
    )
    exact = np.outer(table.sum(axis=1), totals) / n
    assert np.abs(table.to_numpy() - exact).max() < 1


@settings(deadline=None)
@given(class_sizes, seeds, st.integers(2, 6))
def test_no_group_crosses_a_split(sizes: list[int], seed: int, largest: int) -> None:
    manifest = _grouped(_named(sizes), seed, largest)
    enough = manifest.groupby("class")["group"].nunique() >= 3
    classes = list(enough.index[enough])
    if not classes:
        return
    rows = split_rows(manifest, classes, "grouped", seed=seed, copies=2)
    group = rows["image_id"].map(manifest.set_index("image_id")["group"])
    assert (rows.groupby(group)["part"].nunique() == 1).all()
    assert count_leaks(rows, manifest, NO_PAIRS).leaked == 0
    assert rows["image_id"].nunique() == manifest["class"].isin(classes).sum()


@settings(deadline=None)
@given(seeds)
def test_small_groups_leave_the_sizes_unchanged(seed: int) -> None:
    manifest = _grouped(_manifest(PAPER), seed, 4)
    rows = split_rows(manifest, list(PAPER), "grouped", seed=seed, copies=0)
    assert np.abs(np.array(_sizes(rows)) - (903, 113, 113)).max() <= 5


def test_large_groups_reach_the_test_part_about_as_often_as_their_share() -> None:
    manifest = _manifest({"a": 200, "b": 200})
    manifest["group"] = [f"g{i // 4}" if i % 200 < 40 else f"s{i}" for i in range(400)]
    tested = [
        split_rows(manifest, ["a", "b"], "grouped", seed=seed, copies=0)
        .query("part == 'test'")["image_id"]
        .isin(manifest.loc[manifest["group"].str.startswith("g"), "image_id"])
        .mean()
        for seed in range(40)
    ]
    assert 0.12 < np.mean(tested) < 0.28  # 80 of the 400 images are in large groups


def test_three_large_groups_still_fill_all_three_parts() -> None:
    manifest = _manifest({"a": 120, "b": 90})
    manifest["group"] = [f"a{i // 40}" for i in range(120)] + [f"b{i}" for i in range(90)]
    rows = split_rows(manifest, ["a", "b"], "grouped", seed=0, copies=0)
    of_a = rows[rows["image_id"].isin(manifest.loc[manifest["class"] == "a", "image_id"])]
    assert _sizes(of_a) == (40, 40, 40)


@settings(deadline=None)
@given(class_sizes, seeds)
def test_without_copies_and_groups_all_policies_are_equal(sizes: list[int], seed: int) -> None:
    manifest = _named(sizes)
    classes = sorted(set(manifest["class"]))
    pooled, stratified, grouped = (
        split_rows(manifest, classes, policy, seed=seed, copies=0) for policy in DRAWN
    )
    pd.testing.assert_frame_equal(pooled, stratified)
    pd.testing.assert_frame_equal(grouped, stratified)


@pytest.mark.parametrize("policy", list(DRAWN))
def test_the_order_of_rows_and_classes_does_not_matter(policy: str) -> None:
    manifest = _grouped(_manifest(PAPER), 0, 3)
    shuffled = manifest.sample(frac=1, random_state=1)
    first = split_rows(manifest, list(PAPER), policy, seed=3, copies=1)
    pd.testing.assert_frame_equal(
        split_rows(shuffled, list(PAPER)[::-1], policy, seed=3, copies=1), first
    )


def test_seeds_and_scenarios_draw_differently_regardless_of_global_state() -> None:
    def draw(seed: int, classes: list[str]) -> pd.DataFrame:
        np.random.seed(seed)
        return split_rows(_manifest(PAPER), classes, "stratified", seed=seed, copies=0)

    pd.testing.assert_frame_equal(draw(0, SCENARIO_1), draw(0, SCENARIO_1))
    assert not draw(0, SCENARIO_1).equals(draw(1, SCENARIO_1))
    assert set(draw(0, SCENARIO_1)["image_id"]).isdisjoint(draw(0, SCENARIO_2)["image_id"])


def test_a_known_draw_is_reproduced() -> None:
    """A split is part of published results: a version that draws differently must be marked."""
    rows = split_rows(_manifest({"a": 12, "b": 9}), ["a", "b"], "stratified", seed=0, copies=0)
    assert " ".join(rows["part"]) == (
        "train val train train test train train train train train test train train train train "
        "test train train train val train"
    )


def test_pooled_copies_leak_and_grouped_ones_do_not() -> None:
    manifest = _grouped(_manifest(PAPER), 1, 3)
    pooled, stratified, grouped = (
        count_leaks(
            split_rows(manifest, list(PAPER), policy, seed=0, copies=8), manifest, NO_PAIRS
        ).leaked
        for policy in DRAWN
    )
    assert pooled >= 1010  # of 1017 test rows
    assert 0 < stratified < 113
    assert grouped == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ["a", "z"]}, "no images of z; known classes: a, few"),
        ({"classes": ["a", "few"]}, "'few' has 2 images: .* at least 3"),
        ({"copies": -1}, "copies=-1"),
        ({"fractions": (0.8, 0.2, 0.0)}, "three above 0"),
        ({"fractions": (0.8, 0.1, 0.2)}, "sum to 1"),
    ],
)
def test_errors_are_reported_in_one_line(changed: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"classes": ["a"], "policy": "pooled", "seed": 0, "copies": 0}
    with pytest.raises(DataError, match=message) as caught:
        split_rows(_manifest({"a": 20, "few": 2}), **(arguments | changed))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_grouped_counts_groups_not_images() -> None:
    manifest = _manifest({"a": 20}).assign(group=["g"] * 10 + ["h"] * 10)
    with pytest.raises(DataError, match="'a' has 2 groups"):
        split_rows(manifest, ["a"], "grouped", seed=0, copies=0)
    assert math.isclose(len(split_rows(manifest, ["a"], "stratified", seed=0, copies=0)), 20)
