"""A table that was counted passes; one that cannot have been is told, with its row."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from reports.published.consistency import Printed, at_least, correct_count, possible_share
from reports.published.table_file import audit_rows
from reports.published.verdicts import conclusions, row_text

Row = Mapping[str, str]


def _kinds(*rows: Row, n_test: int | None = None, weighted: bool = True) -> list[list[str]]:
    lines = audit_rows(list(rows), n_test, weighted=weighted).lines
    return [[finding.kind for finding in line.findings] for line in lines]


def printed(text: str, decimals: int, percent: bool) -> Printed:
    unit = 100 if percent else 1
    return Printed(text, Fraction(text) / unit, Fraction(1, unit * 10**decimals))


def _truncated(value: float) -> str:
    return f"{int(value * 10_000 + 1e-9) / 10_000:.4f}"


@given(st.integers(1, 1100).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_every_true_fraction_is_possible_truncated_and_rounded(counts: tuple[int, int]) -> None:
    k, n = counts
    assert correct_count(printed(_truncated(k / n), 4, False), n) is not None
    assert correct_count(printed(f"{100 * k / n + 1e-10:.2f}", 2, True), n) is not None


@pytest.mark.parametrize(("accuracy", "n"), [("0.9663", 66), ("0.97", 47), ("0.0154", 113)])
def test_an_impossible_accuracy_is_not_possible(accuracy: str, n: int) -> None:
    assert correct_count(printed(accuracy, 4, False), n) is None


@pytest.mark.parametrize("n", [1, 2, 66, 113])
@pytest.mark.parametrize(("text", "right"), [("0", 0), ("1", 1), ("0.0", 0), ("1.00", 1)])
def test_0_and_1_are_none_and_all_right_with_any_decimals(n: int, text: str, right: int) -> None:
    line = audit_rows([{"accuracy": text}], n).lines[0]
    assert (line.findings, line.count) == ((), right * n)
    percent = audit_rows([{"accuracy": f"{100 * right}"}, {"accuracy": "50"}], n).lines[0]
    assert (percent.findings, percent.count) == ((), right * n)


def test_the_count_is_the_nearest_of_those_that_fit() -> None:
    assert correct_count(printed("0.96", 2, False), 594) == 570
    assert correct_count(printed("0.5", 1, False), 1000) == 500


@pytest.mark.parametrize(("n", "decimals"), [(7, 2), (66, 3), (113, 2), (40, 3), (66, 0), (5, 1)])
def test_the_share_of_possible_values_is_what_trying_all_of_them_gives(
    n: int, decimals: int
) -> None:
    every = [f"{k / 10**decimals:.{decimals}f}" for k in range(10**decimals + 1)]
    possible = [correct_count(printed(text, decimals, False), n) is not None for text in every]
    assert possible_share(n, 10**decimals) == pytest.approx(np.mean(possible))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60),
    st.sampled_from(["weighted", "macro"]),
    st.booleans(),
)
def test_no_table_of_real_predictions_is_accused(
    pairs: list[tuple[int, int]], average: str, rounds: bool
) -> None:
    """Whatever was predicted, scikit-learn's own averages pass, truncated or rounded."""
    labels, predicted = zip(*pairs, strict=True)
    values = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    accuracy = np.mean(np.equal(labels, predicted))
    show = (lambda value: f"{value:.4f}") if rounds else _truncated
    names = ("accuracy", "precision", "recall", "f1")
    row = dict(zip(names, map(show, (accuracy, *values[:3])), strict=True))
    assert _kinds(row, n_test=len(pairs), weighted=average == "weighted") == [[]]


def test_an_f1_beyond_the_harmonic_mean_of_precision_and_recall_is_impossible() -> None:
    row = {"precision": "0.80", "recall": "0.60", "f1": "0.72"}
    assert _kinds(row) == [["f1"]]
    assert _kinds(row | {"f1": "0.68"}) == [[]]


def test_an_f1_below_precision_plus_recall_less_one_is_impossible() -> None:
    row = {"precision": "0.90", "recall": "0.90", "f1": "0.75"}
    assert _kinds(row) == [["f1"]]


def test_weighted_recall_must_be_accuracy_and_macro_recall_need_not() -> None:
    row = {"accuracy": "0.3855", "recall": "0.4302"}
    assert _kinds(row) == [["recall"]]
    assert _kinds(row, weighted=False) == [[]]


def test_recall_and_accuracy_may_be_truncated_and_rounded_of_one_number() -> None:
    assert _kinds({"accuracy": "0.6666", "recall": "0.6667"}) == [[]]


def test_a_value_outside_the_unit_is_told() -> None:
    rows: list[Row] = [{"accuracy": "0.5"}, {"accuracy": "0.7"}]
    for text in ("1.02", "154.3", "-0.1"):
        assert _kinds(*rows, {"accuracy": text}, n_test=10) == [[], [], ["range"]], text


def test_rows_repeated_in_every_number_are_told_with_the_first() -> None:
    row = {"model": "a", "accuracy": "0.50", "f1": "0.48"}
    audit = audit_rows([row, row | {"model": "b"}, row | {"f1": "0.47"}])
    assert "the same numbers as row 1" in row_text(audit.lines[1])
    assert audit.findings == 1


def test_equal_accuracies_alone_are_not_a_repetition() -> None:
    assert _kinds({"accuracy": "0.50"}, {"accuracy": "0.50"}) == [[], []]


def test_percent_is_told_from_shares() -> None:
    for text in ("63.63", "63.63%"):
        line = audit_rows([{"accuracy": text}], 66).lines[0]
        assert line.count == 42
    assert audit_rows([{"accuracy": "0.6363"}], 66).lines[0].count == 42
    assert audit_rows([{"accuracy": "0.63"}], 66, percent=True).lines[0].count is None


def test_a_value_is_judged_by_its_own_decimals() -> None:
    """0.94 among four-decimal values may be 62/66; 0.9400 may not."""
    for text, kinds in (("0.94", []), ("0.9400", ["count"])):
        assert _kinds({"accuracy": "0.9545"}, {"accuracy": text}, n_test=66) == [[], kinds]
    assert _kinds({"accuracy": "95.5"}, {"accuracy": "92.42"}, n_test=66) == [[], []]


def test_a_mean_over_trainings_need_not_be_a_count() -> None:
    assert _kinds({"accuracy": "0.9663"}, n_test=66) == [["count"]]
    for row in ({"accuracy": "0.9663 ± 0.01"}, {"Accuracy (mean)": "0.9663"}):
        audit = audit_rows([row], 66)
        assert (audit.findings, audit.teeth, audit.copies) == (0, (), None)
        assert "may be a mean over several trainings" in row_text(audit.lines[0])


def test_a_printed_count_is_exact() -> None:
    line = audit_rows([{"accuracy": "61/66", "recall": "61/66", "precision": "0.92"}]).lines[0]
    assert (line.findings, line.count, line.n_test) == ((), 61, 66)
    audit = audit_rows([{"accuracy": "574/594"}], 66)
    assert audit.lines[0].findings[0].possible == "574/594"
    assert _kinds({"accuracy": "61/66", "recall": "62/66"}) == [["recall"]]


def test_the_column_n_test_comes_before_the_option() -> None:
    rows = [{"accuracy": "0.6363", "n_test": "66"}, {"accuracy": "0.5531", "n_test": ""}]
    assert [line.count for line in audit_rows(rows, 47).lines] == [42, 26]


def test_a_test_that_can_find_nothing_says_so() -> None:
    texts = conclusions(audit_rows([{"accuracy": "96.6"}, {"accuracy": "12.3"}], 1017))
    assert "this check cannot find errors" in texts[0]
    texts = conclusions(audit_rows([{"accuracy": "96.63"}], 66))
    assert "with a probability of 1.0 %" in texts[0]


def test_where_counting_can_find_nothing_it_has_found_nothing() -> None:
    """The statement on the test agrees with what the test says of the rows."""
    texts = ["0", "1", "0.9", "0.97", "1.2", "0.9663", "154", "96.6"]
    audit = audit_rows([{"accuracy": text} for text in texts], 66)
    assert sum(teeth.rows for teeth in audit.teeth) == 6  # those outside 0 to 100 % not counted
    assert {teeth.impossible for teeth in audit.teeth if teeth.share == 1} == {0}
    assert "printed without decimals: every such value" in " ".join(conclusions(audit))


def test_made_up_numbers_are_not_explained_by_copies() -> None:
    """A multiple fits some of them by chance: only one beyond chance is named."""
    rng = np.random.default_rng(0)
    named = 0
    for _ in range(60):
        rows = [{"accuracy": f"{value:.4f}"} for value in rng.random(20)]
        named += audit_rows(rows, 66).copies is not None
    assert named <= 3


def test_the_probability_of_hits_is_the_binomial_one() -> None:
    scipy = pytest.importorskip("scipy.stats")
    for hits in range(7):
        assert at_least(hits, [0.3] * 6) == pytest.approx(scipy.binom.sf(hits - 1, 6, 0.3))
