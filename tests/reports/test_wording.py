"""Numbers read as a person would write them."""

from __future__ import annotations

import pytest

from reports import wording
from reports.statistics import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.50 s"),
        (44.25, "44.2 s"),
        (125, "2 min 5 s"),
        (3725, "1 h 2 min"),
        (None, wording.NONE),
        (float("nan"), wording.NONE),
    ],
)
def test_seconds_come_in_at_most_two_units(value: float | None, text: str) -> None:
    assert wording.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "1e\u22123"), (3.88e-5, "3.88e\u22125"), (None, "—")]
)
def test_rates_lose_their_useless_zeros(value: float | None, text: str) -> None:
    assert wording.rate(value) == text


def test_points_carry_their_sign_and_no_minus_zero() -> None:
    assert [wording.points(v) for v in (0.312, -0.05, -0.0001)] == ["+31.2", "\u22125.0", "0.0"]


def test_ranges_and_counts() -> None:
    assert wording.percent_range(Interval(0.49, 0.72)) == "49.0\u201372.0"
    assert wording.count(10161) == "10\u2009161"
    assert [wording.plural(n, noun) for n, noun in ((1, "cell"), (2, "class"))] == [
        "1 cell",
        "2 classes",
    ]
    assert wording.size(17_179_869_184) == "16.0 GiB"


@pytest.mark.parametrize(
    ("texts", "text"), [([], ""), (["1"], "1"), (["1", "2"], "1 and 2"), ("124", "1, 2 and 4")]
)
def test_a_list_ends_with_and(texts: list[str], text: str) -> None:
    assert wording.listed(texts) == text
