"""Thresholds do on validation what their rule says, and predictive values follow Bayes' rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import share_interval
from reports.statistics.intervals import Interval
from reports.statistics.operating_points import Rule, choose_threshold
from reports.statistics.planning import groups_needed
from reports.statistics.predictive_values import npv_at, ppv_at

RULES = [Rule(), Rule("sensitivity", 0.9), Rule("specificity", 0.8), Rule("sensitivity", 1.0)]


def _rows(count: int, seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    positive = np.arange(count) % 3 == 0
    scores = 1 / (1 + np.exp(-generator.normal(size=count) - positive))
    return positive, np.round(scores, 1) if ties else scores


def _found(positive: np.ndarray, called: np.ndarray) -> tuple[float, float]:
    return float(called[positive].mean()), float((~called)[~positive].mean())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.text)
@given(st.integers(6, 60), st.integers(0, 2**32), st.booleans())
def test_a_threshold_is_the_best_of_all_that_keep_the_rule(
    rule: Rule, count: int, seed: int, ties: bool
) -> None:
    positive, scores = _rows(count, seed, ties)
    found = choose_threshold(positive, scores, rule)
    assert found is not None
    sensitivity, specificity = _found(positive, scores >= found.value)
    assert (sensitivity, specificity) == pytest.approx((found.sensitivity, found.specificity))
    every = [_found(positive, scores >= one) for one in [*np.unique(scores), 1.1]]
    if rule.kind == "youden":
        assert sensitivity + specificity == pytest.approx(max(a + b for a, b in every))
    elif rule.kind == "sensitivity":
        assert sensitivity >= rule.at_least
        assert specificity == pytest.approx(max(b for a, b in every if a >= rule.at_least))
    else:
        assert specificity >= rule.at_least - 1e-9
        assert sensitivity == pytest.approx(max(a for a, b in every if b >= rule.at_least - 1e-9))


@pytest.mark.parametrize("side", [True, False])
def test_a_class_without_rows_on_one_side_has_no_threshold(side: bool) -> None:
    assert choose_threshold(np.full(5, side), np.linspace(0, 1, 5), Rule()) is None


def test_a_threshold_lies_between_two_scores() -> None:
    found = choose_threshold(np.array([True, False]), np.array([0.75, 0.25]), Rule())
    assert found is not None
    assert (found.value, found.sensitivity, found.specificity) == (0.5, 1.0, 1.0)


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_predictive_values_are_bayes_rule_and_lie_in_their_interval(
    prevalence: float, sensitivity: float, specificity: float
) -> None:
    shares = [(one, share_interval(one, 80)) for one in (sensitivity, specificity)]
    ppv, npv = ppv_at(prevalence, *shares), npv_at(prevalence, *shares)
    assert ppv is not None
    assert npv is not None
    true_calls = prevalence * sensitivity
    false_calls = (1 - prevalence) * (1 - specificity)
    assert ppv[0] == pytest.approx(true_calls / (true_calls + false_calls))
    true_rest, missed = (1 - prevalence) * specificity, prevalence * (1 - sensitivity)
    assert npv[0] == pytest.approx(true_rest / (true_rest + missed))
    for value, interval in (ppv, npv):
        assert 0 <= interval.low <= value <= interval.high <= 1


def test_at_the_ends_predictive_values_keep_an_honest_interval() -> None:
    perfect, none = (1.0, share_interval(1.0, 20)), (0.0, share_interval(0.0, 20))
    found = ppv_at(0.02, perfect, perfect)
    assert found is not None
    assert (found[0], found[1].high) == (1.0, 1.0)
    assert 0 < found[1].low < 0.5  # a rare class: false alarms could still outnumber it
    found = ppv_at(0.5, none, (0.5, share_interval(0.5, 20)))
    assert found is not None
    assert found[0] == found[1].low == 0.0
    assert 0 < found[1].high < 1
    assert ppv_at(0.5, none, perfect) is None  # nothing is ever called


def test_with_certain_shares_the_interval_of_a_predictive_value_is_a_point() -> None:
    found = ppv_at(0.1, (0.9, Interval(0.9, 0.9)), (0.8, Interval(0.8, 0.8)))
    assert found is not None
    assert found[1].low == pytest.approx(found[0]) == pytest.approx(found[1].high)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.97, 1.0])
def test_the_groups_needed_make_the_interval_as_narrow_as_wanted(share: float) -> None:
    needed = groups_needed(share, share_interval(share, 20), 20)
    assert needed is not None
    assert share_interval(share, needed).half_width <= 0.05 + 1e-6
    assert share_interval(share, needed - 1).half_width > 0.05 - 1e-3
    assert groups_needed(share, share_interval(share, needed), needed) == pytest.approx(needed, 1)


def test_groups_that_say_less_than_their_number_are_needed_in_proportion() -> None:
    alone = groups_needed(0.8, share_interval(0.8, 40), 40)
    clustered = groups_needed(0.8, share_interval(0.8, 20), 40)
    assert alone is not None
    assert clustered == pytest.approx(2 * alone, abs=2)
    assert groups_needed(0.5, Interval(0.0, 1.0), 2) is None
    assert not math.isnan(alone)
