"""A column that goes with the class is found; chance is not."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from datasets.findings.confounders import associations, cramers_v


def images(seed: int, n: int = 300, copies: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n), copies)
    label = rng.choice(list("abc"), n)[group]
    ids = [f"i{number:04}" for number in range(len(group))]
    return pd.DataFrame({"image_id": ids, "class": label, "group": [f"g{g}" for g in group]})


def rows(table: pd.DataFrame, **columns: np.ndarray) -> pd.DataFrame:
    frames = [
        pd.DataFrame({"image_id": table["image_id"], "column": name, "level": values})
        for name, values in columns.items()
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("seed", range(6))
def test_columns_drawn_at_random_are_no_finding(seed: int) -> None:
    table, rng = images(seed), np.random.default_rng(seed + 100)
    noise = {f"c{k}": rng.choice(list("uvwxy")[:k], len(table)) for k in range(2, 6)}
    found = associations(table, rows(table, **noise))
    assert len(found) == 4
    assert not any(one.is_confounder for one in found)


def test_a_site_that_has_one_class_is_a_finding_with_its_example() -> None:
    table, rng = images(1), np.random.default_rng(1)
    site = np.where(table["class"] == "a", "north", rng.choice(["south", "east"], len(table)))
    sex = rng.choice(["F", "M"], len(table))
    first, second = associations(table, rows(table, sex=sex, site=site))
    assert (first.column, second.column) == ("site", "sex")
    assert first.is_confounder
    assert not second.is_confounder
    assert first.example == ("north", "a", 1.0)
    assert first.accuracy > 0.6 > first.majority


def test_a_missing_value_may_tell_the_class_too() -> None:
    table = images(2)
    age = np.where(table["class"] == "b", "", "60-69")
    (found,) = associations(table, rows(table, age=age))
    assert found.is_confounder
    assert found.example == ("missing", "b", 1.0)


def test_copies_of_an_image_do_not_make_evidence() -> None:
    table = images(3, n=12, copies=30)
    level = np.repeat(np.random.default_rng(5).choice(["x", "y"], 12), 30)
    (found,) = associations(table, rows(table, column=level))
    assert found.p > 0.05


def test_without_the_bias_correction_v_is_that_of_scipy() -> None:
    counts = np.random.default_rng(0).integers(500, 900, (3, 4))
    n, df = counts.sum(), 6
    plain = association(counts, method="cramer")
    squared = max(0.0, plain**2 * 2 - df / (n - 1))
    expected = np.sqrt(squared / (min(3 - 4 / (n - 1), 4 - 9 / (n - 1)) - 1))
    assert cramers_v(counts) == pytest.approx(expected)
