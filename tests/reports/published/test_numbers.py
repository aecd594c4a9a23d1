"""A cell is read where its meaning is certain, and left where it is not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from reports.published.numbers import is_numeric, read_number


@pytest.mark.parametrize(
    ("cell", "value", "decimals"),
    [
        ("92.4 ± 1.2", "92.4", 1),
        ("92.4+/-1.2", "92.4", 1),
        ("$92.40 \\pm 1.2$", "92.4", 2),
        ("(92.4 ± 1.2)", "92.4", 1),
        ("95.3 (94.1-96.0)", "95.3", 1),
        ("95.3 [94.1, 96.0]", "95.3", 1),
        ("95.3 (95% CI 94.1\u201396.0)", "95.3", 1),
        ("91.2*", "91.2", 1),
        ("91.2 \u2020", "91.2", 1),
        ("91.2<sup>2</sup>", "91.2", 1),
        ("91.2^{2}", "91.2", 1),
        ("91.2\u00b2", "91.2", 1),
        ("**93.9**", "93.9", 1),
        ("__93.9__", "93.9", 1),
        ("<b>93.9</b>", "93.9", 1),
        ("\\textbf{93.90}", "93.9", 2),
        ("**93.9** (ours)", "93.9", 1),
        ("9.55e-1", "0.955", 3),
        ("92·4", "92.4", 1),
        ("\u22120.5", "-0.5", 1),
    ],
)
def test_usual_notation_is_read(cell: str, value: str, decimals: int) -> None:
    number = read_number(cell)
    assert number
    assert (number.value, number.decimals) == (Fraction(value), decimals)
    assert not number.percent


@pytest.mark.parametrize("cell", ["95 %", "95%", "95\\%", "95 ± 1 %", "(95 ± 1)%", "95% (94-96)"])
def test_a_percent_sign_counts_wherever_it_stands(cell: str) -> None:
    number = read_number(cell)
    assert number
    assert (number.value, number.percent) == (95, True)


@pytest.mark.parametrize(
    ("cell", "averaged"), [("95 ± 1", True), ("95 (94-96)", True), ("95", False)]
)
def test_a_spread_says_that_it_may_be_a_mean(cell: str, averaged: bool) -> None:
    number = read_number(cell)
    assert number
    assert number.averaged is averaged


@pytest.mark.parametrize("cell", ["61/66", "61 / 66", "61/66 (92.4%)", "**61/66**"])
def test_a_count_is_exact(cell: str) -> None:
    number = read_number(cell)
    assert number
    assert (number.value, number.step, number.of) == (Fraction(61, 66), 0, 66)


@pytest.mark.parametrize(
    "cell",
    [
        *["~95.5", ">95", "91.2a", "0,9,6", "0.95 0.96", "93.9/94.1", "5/0", "about 0.9", "1e99"],
        *["best", "9" * 5000, "**", "%"],
    ],
)
def test_what_is_not_certain_is_not_read(cell: str) -> None:
    assert read_number(cell) is None


def test_a_quantity_is_told_from_a_name() -> None:
    assert all(map(is_numeric, ["25.6M", "~95", "0.95 ± 0.1", "12 ms"]))
    assert not any(map(is_numeric, ["3D-CNN", "ResNet50", "2-layer MLP", "ours"]))
