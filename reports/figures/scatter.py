"""Accuracy against cost: one mark per configuration, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures.svg import Scale, element, join, number, round_ticks

WIDTH, HEIGHT = 460, 300
_MOST_TICKS = 8
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 12, 12, 34
_CHARACTER = 5.6  # px, of the 10 px label face
_SHAPES = ("circle", "square", "diamond", "triangle", "pentagon")
_PATHS = {
    "square": "M-4-4h8v8h-8z",
    "diamond": "M0-5.4 5.4 0 0 5.4-5.4 0z",
    "triangle": "M0-5.2 5 4h-10z",
    "pentagon": "M0-5 4.8-1.5 2.9 4.1h-5.8L-4.8-1.5z",
}


@dataclass(frozen=True)
class Point:
    """One configuration: what it costs, how well it does (0..1), and which it is.

    `label` is written beside the mark where there is room; `kind` 0, 1, ... chooses the shape.
    """

    cost: float
    accuracy: float
    label: str
    kind: int = 0
    filled: bool = True
    front: bool = False


def pareto_front(costs: Sequence[float], accuracies: Sequence[float]) -> list[bool]:
    """The points on the Pareto front: no other one is at most as costly and at least as accurate,
    and better in one of the two. Equal points are on the front together."""
    points = list(zip(costs, accuracies, strict=True))
    return [
        not any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        for cost, accuracy in points
    ]


def scatter(points: Sequence[Point], axis: str, title: str) -> Markup:
    """Draw `points`, cost on a logarithmic axis named `axis`, accuracy in percent upwards.

    Points on the front are joined by a stepped line. Costs must be positive; nothing is drawn
    without a point.
    """
    if not points:
        return Markup("")
    x, y = _scales(points)
    front = sorted((point for point in points if point.front), key=lambda point: point.cost)
    parts = [_frame(points, x, y, axis), _steps(front, x, y)]
    parts += [mark(point.kind, point.filled, x(_log(point)), y(point.accuracy)) for point in points]
    parts += _labels(points, x, y)
    return element(
        "svg",
        join(parts),
        class_="scatter",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )


def mark(kind: int, filled: bool, x: float, y: float) -> Markup:
    """The mark of one kind, for the figure and for its legend."""
    turn, position = divmod(kind, len(_SHAPES))
    shape = _SHAPES[position]
    tone = (position + turn) % len(_SHAPES)  # after five, the same shape in another colour
    style = f"mark {'' if filled else 'hollow '}kind-{tone}"
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=4.4, class_=style)
    place = f"translate({number(x)} {number(y)})"
    return element("path", d=_PATHS[shape], transform=place, class_=style)


def _log(point: Point) -> float:
    return math.log10(point.cost)


def _scales(points: Sequence[Point]) -> tuple[Scale, Scale]:
    costs = [_log(point) for point in points]
    accuracies = [point.accuracy for point in points]
    room = max(0.05, 0.06 * (max(costs) - min(costs)))
    low = max(0.0, min(accuracies) - 0.04)
    high = min(1.0, max(accuracies) + 0.04)
    x = Scale(min(costs) - room, max(costs) + 3 * room, _LEFT, WIDTH - _RIGHT)
    return x, Scale(low, high, HEIGHT - _BOTTOM, _TOP)


def _frame(points: Sequence[Point], x: Scale, y: Scale, axis: str) -> Markup:
    parts = []
    for value in round_ticks(y.low, y.high, 6):
        height = y(value)
        parts.append(
            element("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=height, y2=height, class_="guide")
        )
        text = f"{100 * value:.0f}"
        parts.append(element("text", text, x=_LEFT - 6, y=height + 3.5, text_anchor="end"))
    bottom = HEIGHT - _BOTTOM + 14
    for cost in _cost_ticks(10**x.low, 10**x.high):
        at = x(math.log10(cost))
        parts.append(element("text", f"{cost:g}", x=at, y=bottom, text_anchor="middle"))
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(element("text", axis, x=middle, y=HEIGHT - 6, text_anchor="middle"))
    return join(parts)


def _cost_ticks(low: float, high: float) -> list[float]:
    """Round numbers within [low, high]: powers of ten, and as many of their multiples as fit."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3)):
        ticks = [float(f"{step}e{power}") for power in powers for step in steps]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) <= _MOST_TICKS:
            return within
    return [tick for tick in within if f"{tick:e}"[0] == "1"]


def _steps(front: Sequence[Point], x: Scale, y: Scale) -> Markup:
    """From the cheapest to the most accurate, never claiming what lies between two points."""
    if len(front) < 2:
        return Markup("")
    path = f"M{number(x(_log(front[0])))} {number(y(front[0].accuracy))}"
    for point in front[1:]:
        path += f"H{number(x(_log(point)))}V{number(y(point.accuracy))}"
    return element("path", d=path, class_="front")


def _labels(points: Sequence[Point], x: Scale, y: Scale) -> list[Markup]:
    """The most accurate first; a label that would lie on another one is left to the table."""
    placed: list[tuple[float, float, float]] = []  # left, right, baseline
    labels = []
    for point in sorted(points, key=lambda point: (-point.accuracy, point.cost)):
        at, height, width = x(_log(point)), y(point.accuracy), _CHARACTER * len(point.label)
        leftwards = at + width > WIDTH - _RIGHT
        left = at - 8 - width if leftwards else at + 8
        baseline = height + (12 if leftwards else -7)
        free = all(
            left > end or left + width < start or abs(baseline - line) > 11
            for start, end, line in placed
        )
        if point.label and free:
            placed.append((left, left + width, baseline))
            labels.append(element("text", point.label, x=left, y=baseline))
    return labels
