"""The probability of a wrong order is what a simulation counts, and the best row's is printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reports.published.order import both_right, rankings_of, wrong_order_probability
from reports.published.table_file import audit_rows
from reports.published.verdicts import conclusions

N = 10
SHARES = st.integers(1, 99).map(lambda percent: percent / 100)


def _simulated(times: int) -> dict[tuple[int, int], tuple[int, float]]:
    """By (right with the first model only, with the second only) of `N` images: how often that came
    out, and how often the first model was in truth not better. All mixtures of the four outcomes of
    an image are equally likely."""
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.random((times, 3)), axis=1)
    edges = np.concatenate([np.zeros((times, 1)), cuts, np.ones((times, 1))], axis=1)
    image = rng.random((times, N, 1))
    outcome = (image > edges[:, None, 1:4]).sum(axis=2)  # 0: first only, 1: second only
    only_first, only_second = (outcome == 0).sum(axis=1), (outcome == 1).sum(axis=1)
    not_better = edges[:, 1] <= edges[:, 2] - edges[:, 1]
    found = {}
    for place in np.unique(only_first * (N + 1) + only_second):
        own = only_first * (N + 1) + only_second == place
        found[divmod(int(place), N + 1)] = int(own.sum()), float(not_better[own].mean())
    return found


def test_the_probability_is_what_simulated_claims_show() -> None:
    compared = 0
    for (only_first, only_second), (times, wrong) in _simulated(200_000).items():
        both = N - only_first - only_second
        if both < 1 or only_first < only_second or times < 1000:
            continue
        first, second = (both + only_first) / N, (both + only_second) / N
        least, most = both_right(first, second, 0), both_right(first, second, 1)
        overlap = (both / N - least) / (most - least) if most > least else 0.0
        expected = wrong_order_probability(first, second, N, overlap)
        error = (expected * (1 - expected) / times) ** 0.5
        assert wrong == pytest.approx(expected, abs=4 * error), (only_first, only_second)
        compared += 1
    assert compared > 20


def test_each_image_of_lead_halves_the_probability_where_errors_are_nested() -> None:
    for lead in range(6):
        assert wrong_order_probability((80 + lead) / 100, 0.80, 100, 1) == pytest.approx(
            0.5 ** (lead + 1)
        )


@given(SHARES, SHARES, st.integers(2, 500))
def test_more_congruence_and_more_images_make_an_order_surer(a: float, b: float, n: int) -> None:
    assume(a != b)
    first, second = max(a, b), min(a, b)
    sure = [wrong_order_probability(first, second, n, overlap) for overlap in (0, 0.5, 1)]
    assert 0.5 > sure[0] >= sure[1] >= sure[2] > 0 or sure[2] < 1e-12
    assert wrong_order_probability(first, second, 2 * n, 0.5) <= sure[1]


def test_every_test_set_has_its_best_row_against_the_others() -> None:
    rows = [("a", "0.90", 50), ("b", "0.96", 50), ("c", "0.94", 50), ("d", "0.5", 70)]
    audit = audit_rows([{"model": m, "accuracy": a, "n_test": str(n)} for m, a, n in rows])
    (ranking,) = rankings_of(audit.lines)
    assert [(one.first.label, one.second.label) for one in ranking.orders] == [
        ("b", "c"),
        ("b", "a"),
    ]
    order = ranking.orders[0]
    assert order.low < order.probability < order.high
    assert order.probability == pytest.approx(wrong_order_probability(0.96, 0.94, 50, 0.5))
    text = "\n".join(conclusions(audit))
    assert (
        f"row 2, b (0.96) is above row 3, c (0.94); probability that this order is wrong: "
        f"{100 * order.probability:.1f} %" in text
    )


def test_equal_accuracies_have_no_order() -> None:
    audit = audit_rows([{"accuracy": "0.5"}, {"accuracy": "50 %"}], 66)
    assert "n=66: row 1 (0.5) and row 2 (50 %) are equal" in conclusions(audit)


@pytest.mark.parametrize("rows", [["0.5"], ["1.5", "0.5"], []])
def test_one_accuracy_has_no_order(rows: list[str]) -> None:
    lines = audit_rows([{"accuracy": one} for one in rows], 66).lines if rows else ()
    assert not list(rankings_of(lines))
