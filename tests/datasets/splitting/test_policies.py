"""What every split policy of the list must be."""

from __future__ import annotations

import pandas as pd
import pytest

from datasets.splits import PARTS
from datasets.splitting.division import Division, SplitFile
from datasets.splitting.policies import POLICIES, SplitPolicy, describe_policies


def _images() -> pd.DataFrame:
    names = [f"{number:03d}" for number in range(40)]
    return pd.DataFrame(
        {
            "image_id": names,
            "class": ["a", "b"] * 20,
            "group": names,
            "origin": ["test" if number % 5 == 0 else "train" for number in range(40)],
        }
    )


@pytest.fixture
def division(tmp_path: pytest.TempPathFactory) -> Division:
    images = _images()
    path = f"{tmp_path}/parts.csv"
    parts = images.assign(part=images["origin"].replace({"train": "train"}))
    parts[["image_id", "part"]].to_csv(path, index=False)
    return Division(images, "all", ["a", "b"], 1, True, 0, copies=2, file=SplitFile(path))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_a_policy_gives_every_image_a_part(policy: SplitPolicy, division: Division) -> None:
    (rows,) = policy.rows(division, [0])
    assert list(rows.columns) == ["image_id", "copy", "part"]
    assert set(rows["part"]) == set(PARTS)
    assert set(rows["image_id"]) == set(division.images["image_id"])
    copies_tested = (rows.loc[rows["part"] == "test", "copy"] > 0).any()
    assert copies_tested == policy.tests_copies


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_a_policy_says_what_it_means_and_why_it_leaks(policy: SplitPolicy) -> None:
    assert policy.meaning
    assert policy.meaning[-1] != "."
    assert bool(policy.leak) == bool(policy.leakier_than)
    assert all(against in POLICIES for against in policy.leakier_than)
    assert not (policy.leak_free and policy.leakier_than)


def test_policies_are_described_in_the_order_of_trust_whatever_the_order_asked() -> None:
    names = [one["name"] for one in describe_policies(["pooled", "given", "grouped"])]
    assert names == ["grouped", "given", "pooled"]
