"""What holds of every split of every data set, whatever its policy, seed, copies and folds."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datasets.errors import DataError
from datasets.splits import PARTS
from datasets.splitting.given import given_rows
from datasets.splitting.leaks import KINDS, count_leaks
from datasets.splitting.policies import DRAWN
from datasets.splitting.split_file import SplitPoint, file_rows, read_split_file
from tests.datasets.drawn_rows import fold_rows, split_rows
from tests.datasets.random_data import DataSet, data_sets

policies = st.sampled_from([*DRAWN, "given"])
seeds = st.integers(0, 10**6)
copies = st.integers(0, 3)
fractions = st.tuples(st.integers(1, 8), st.integers(1, 4), st.integers(1, 4)).map(
    lambda shares: tuple(share / sum(shares) for share in shares)
)
slow = settings(max_examples=60, deadline=None)


def rows_of(data: DataSet, policy: str, seed: int, k: int) -> pd.DataFrame:
    if policy == "given":
        return given_rows(data.manifest, data.classes, seed=seed, copies=k)
    return split_rows(data.manifest, data.classes, policy, seed=seed, copies=k)


def class_counts(rows: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    class_of = manifest.set_index("image_id")["class"]
    return pd.crosstab(rows["image_id"].map(class_of), rows["part"])


@slow
@given(data_sets(), policies, seeds, copies)
def test_every_image_is_in_one_part_and_only_training_images_have_copies(
    data: DataSet, policy: str, seed: int, k: int
) -> None:
    rows = rows_of(data, policy, seed, k)
    assert not rows.duplicated(["image_id", "copy"]).any()
    assert set(rows["image_id"]) == set(data.manifest["image_id"])
    assert set(rows["part"]) == set(PARTS)
    if policy == "pooled":
        assert len(rows) == len(data.manifest) * (k + 1)
        return
    assert (rows.groupby("image_id")["part"].nunique() == 1).all()
    assert set(rows.loc[rows["part"] != "train", "copy"]) == {0}
    assert (rows[rows["part"] == "train"].groupby("image_id")["copy"].count() == k + 1).all()


@slow
@given(data_sets(), seeds, fractions)
def test_groups_are_whole_at_any_fractions(
    data: DataSet, seed: int, parts: tuple[float, float, float]
) -> None:
    rows = split_rows(data.manifest, data.classes, "grouped", seed=seed, copies=0, fractions=parts)
    group = rows["image_id"].map(data.manifest.set_index("image_id")["group"])
    assert (rows["part"].groupby(group).nunique() == 1).all()
    assert set(rows["part"]) == set(PARTS)


@slow
@given(data_sets(fewest=5), st.sampled_from(list(DRAWN)), seeds, copies, st.integers(3, 5))
def test_over_the_folds_every_row_is_tested_once_and_validates_once(
    data: DataSet, policy: str, seed: int, k: int, folds: int
) -> None:
    splits = fold_rows(data.manifest, data.classes, policy, seed=seed, copies=k, folds=folds)
    assert len(splits) == folds
    for part in ("test", "val"):
        found = pd.concat([rows[rows["part"] == part] for rows in splits])
        assert not found.duplicated(["image_id", "copy"]).any()
        assert set(found["image_id"]) == set(data.manifest["image_id"])
        assert len(found) == len(data.manifest) * (k + 1 if policy == "pooled" else 1)
    for rows in splits:
        assert not rows.duplicated(["image_id", "copy"]).any()
        assert set(rows["image_id"]) == set(data.manifest["image_id"])
        if policy != "pooled":
            assert (rows.groupby("image_id")["part"].nunique() == 1).all()


@slow
@given(data_sets(fewest=5), seeds, st.integers(3, 5))
def test_no_group_crosses_a_fold_and_no_class_is_missing_in_one(
    data: DataSet, seed: int, folds: int
) -> None:
    group_of = data.manifest.set_index("image_id")["group"]
    for rows in fold_rows(data.manifest, data.classes, "grouped", seed=seed, copies=1, folds=folds):
        assert (rows["part"].groupby(rows["image_id"].map(group_of)).nunique() == 1).all()
        assert (class_counts(rows, data.manifest)[list(PARTS)] > 0).all(axis=None)
        for part in ("test", "val"):
            assert count_leaks(rows, data.manifest, data.pairs, part).leaked == 0


@slow
@given(data_sets(fewest=5), st.sampled_from(["pooled", "stratified"]), seeds, st.integers(3, 5))
def test_folds_have_the_same_mix_of_classes_within_one(
    data: DataSet, policy: str, seed: int, folds: int
) -> None:
    splits = fold_rows(data.manifest, data.classes, policy, seed=seed, copies=0, folds=folds)
    tested = [class_counts(rows, data.manifest)["test"].to_numpy() for rows in splits]
    assert max(t.sum() for t in tested) - min(t.sum() for t in tested) <= 1
    assert np.ptp(tested, axis=0).max() <= 1


@slow
@given(data_sets(), seeds)
def test_given_leaves_the_test_layer_as_it_is(data: DataSet, seed: int) -> None:
    rows = given_rows(data.manifest, data.classes, seed=seed, copies=1)
    layer = data.manifest.set_index("image_id")["origin"]
    tested = rows.loc[rows["part"] == "test", "image_id"]
    assert set(tested) == set(layer.index[layer == "test"])
    validating = set(rows.loc[rows["part"] == "val", "image_id"])
    if (layer == "VALID").any():
        assert validating == set(layer.index[layer == "VALID"])
    else:
        assert validating < set(layer.index[layer == "train"])


def leak_by_hand(row: tuple[str, str], data: DataSet, train: set[str]) -> str:
    """The kind of one row's leak, by going through everything in train one by one."""
    image_id, _ = row
    group = dict(zip(data.manifest["image_id"], data.manifest["group"], strict=True))
    if image_id in train:
        return "same_image"
    links = {
        kind
        for a, b, kind in data.pairs.itertuples(index=False)
        for one, other in ((a, b), (b, a))
        if one == image_id and other in train
    }
    for kind in ("exact", "near", "user"):
        if kind in links:
            return kind
    return "group" if any(group[other] == group[image_id] for other in train) else ""


@slow
@given(data_sets(), policies, seeds, copies, st.sampled_from(["test", "val"]))
def test_planted_leaks_are_counted_exactly_and_by_kind(
    data: DataSet, policy: str, seed: int, k: int, part: str
) -> None:
    rows = rows_of(data, policy, seed, k)
    train = set(rows.loc[rows["part"] == "train", "image_id"])
    own = rows.loc[rows["part"] == part, ["image_id", "part"]].itertuples(index=False)
    expected = Counter(leak_by_hand(row, data, train) for row in own)
    found = count_leaks(rows, data.manifest, data.pairs, part)
    assert found.by_kind == {kind: expected[kind] for kind in KINDS}
    assert found.rows == expected.total()
    assert found.leaked == expected.total() - expected[""]
    if policy == "grouped":
        assert found.leaked == 0


@settings(max_examples=40, deadline=None)
@given(
    data_sets(fewest=4),
    policies,
    seeds,
    copies,
    st.sampled_from([0, 3]),
    st.sampled_from(["csv", "parquet"]),
    st.booleans(),
)
def test_a_split_that_is_fed_back_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    data: DataSet,
    policy: str,
    seed: int,
    k: int,
    folds: int,
    suffix: str,
    shuffled: bool,
) -> None:
    assume(not (folds and policy == "given"))
    written: dict[tuple[int, bool], pd.DataFrame] = {}
    for augmented in (False, True):
        own = k if augmented else 0
        if folds:
            drawn = fold_rows(
                data.manifest, data.classes, policy, seed=seed, copies=own, folds=folds
            )
            written |= {(fold, augmented): rows for fold, rows in enumerate(drawn, 1)}
        else:
            written[0, augmented] = rows_of(data, policy, seed, own)
    table = pd.concat(
        rows.assign(split_policy=policy, scenario="s", repeat=1, fold=fold, augmented=augmented)
        for (fold, augmented), rows in written.items()
    )
    other = table.assign(split_policy="another", part="test")
    table = pd.concat([table, other])
    if shuffled:
        table = table.sample(frac=1, random_state=seed)
    path = str(tmp_path_factory.mktemp("fed") / f"splits.{suffix}")
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    read = read_split_file(path, policy)
    for (fold, augmented), rows in written.items():
        back = file_rows(
            read,
            path,
            data.manifest,
            data.classes,
            SplitPoint("s", 1, fold, folds, augmented),
            seed=seed,
            copies=k if augmented else 0,
        )
        pd.testing.assert_frame_equal(back, rows, check_dtype=False)
    with pytest.raises(DataError, match=r"it has the splits another, \w+; choose one"):
        read_split_file(path)
