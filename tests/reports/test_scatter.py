"""Accuracy against cost: the front is what nothing beats, and the figure shows every point."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from reports.figures.scatter import Point, pareto_front, scatter

NUMBERS = st.integers(1, 6)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=12))
def test_the_front_is_what_no_other_point_beats(points: list[tuple[int, int]]) -> None:
    front = pareto_front([c for c, _ in points], [a for _, a in points])
    assert any(front)
    for (cost, accuracy), best in zip(points, front, strict=True):
        beaten = any(
            (c < cost and a >= accuracy) or (c <= cost and a > accuracy) for c, a in points
        )
        assert best != beaten


def test_every_point_has_a_mark_and_the_front_a_line() -> None:
    points = [Point(1.0, 0.5, "cheap", 0, front=True), Point(10.0, 0.8, "good", 1, front=True)]
    drawn = scatter([*points, Point(20.0, 0.6, "", 2)], "seconds", "title")
    assert len(re.findall(r'class="mark', drawn)) == 3
    assert drawn.count('class="front"') == 1
    assert ">cheap<" in drawn
    assert ">good<" in drawn


def test_labels_never_lie_on_each_other() -> None:
    points = [Point(1.0, 0.5, "one and the same"), Point(1.0, 0.501, "nearly the same place")]
    drawn = scatter(points, "seconds", "title")
    assert "nearly the same place" in drawn
    assert "one and the same" not in drawn


def test_cost_is_logarithmic_and_accuracy_points_upwards() -> None:
    drawn = scatter([Point(10.0**n, 0.2 * n, "", 0) for n in (1, 2, 3)], "seconds", "t")
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    steps = [b[0] - a[0] for a, b in itertools.pairwise(places)]
    assert abs(steps[0] - steps[1]) < 0.2
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_names_are_escaped_and_no_point_is_no_figure() -> None:
    assert "<b>" not in scatter([Point(1.0, 0.5, "<b>")], "seconds", "t")
    assert scatter([], "seconds", "t") == ""
