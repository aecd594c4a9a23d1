"""The search of a cell: a validation metric by learning rate, one mark per trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures.svg import Scale, element, join, number

WIDTH, HEIGHT = 260, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 12, 10, 20
_SIZE = 4.5
TONES = 4  # batch sizes have a colour each; more share the last


@dataclass(frozen=True)
class Point:
    """A trial. `tone`: 0, 1, ... for its batch size; `shape`: the same for its hidden layers."""

    lr: float
    value: float  # higher is better
    tone: int
    shape: int
    title: str
    champion: bool = False
    stopped: bool = False


def search_plot(
    points: Sequence[Point],
    lr_range: tuple[float, float],
    title: str,
    text: Callable[[float], str],
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Markup:
    """Draw `points`; `lr_range` is what was searched, on a logarithmic axis. `text`: a value as the
    axis shows it; `bounds`: of all values there can be."""
    if not points:
        return Markup("")
    low, high = (math.log10(value) for value in lr_range)
    x = Scale(low, high, _LEFT + 12, WIDTH - _RIGHT - 12)
    y = Scale(*_range(points, bounds), HEIGHT - _BOTTOM, _TOP)
    parts = [_axes(x, y, text)]
    parts += [_point(one, x, y) for one in sorted(points, key=lambda one: one.champion)]
    return element(
        "svg",
        join(parts),
        class_="search",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )


def mark(tone: int, shape: int, x: float, y: float, *classes: str, title: str = "") -> Markup:
    """A trial's mark: a dot, a square, a diamond or a triangle."""
    kind = " ".join(["p", f"t{min(tone, TONES - 1)}", *classes])
    name = element("title", title) if title else Markup("")
    s = _SIZE
    paths = {
        1: f"M{number(x - s)} {number(y - s)}h{2 * s}v{2 * s}h-{2 * s}z",
        2: f"M{number(x)} {number(y - 1.3 * s)}l{1.3 * s} {1.3 * s}-{1.3 * s} {1.3 * s}"
        f"-{1.3 * s}-{1.3 * s}z",
        3: f"M{number(x)} {number(y - 1.2 * s)}l{1.2 * s} {2.1 * s}h-{2.4 * s}z",
    }
    if shape == 0:
        return element("circle", name, cx=x, cy=y, r=s, class_=kind)
    return element("path", name, d=paths[min(shape, 3)], class_=kind)


def _range(points: Sequence[Point], bounds: tuple[float, float]) -> tuple[float, float]:
    """The range of the axis: all points and a margin, within the bounds."""
    values = [one.value for one in points]
    room = max(0.02, 0.15 * (max(values) - min(values)))
    return max(bounds[0], min(values) - room), min(bounds[1], max(values) + room)


def _axes(x: Scale, y: Scale, text_of: Callable[[float], str]) -> Markup:
    parts = []
    for value in (y.low, (y.low + y.high) / 2, y.high):
        at = y(value)
        parts.append(element("path", d=f"M{_LEFT} {at:.0f}H{WIDTH - _RIGHT}", class_="guide"))
        parts.append(element("text", text_of(value), x=_LEFT - 4, y=at + 3.5, text_anchor="end"))
    for exponent in range(math.ceil(x.low - 1e-9), math.floor(x.high + 1e-9) + 1):
        text = element("tspan", str(exponent), dy=-4, class_="up")
        parts.append(
            element("text", Markup("10") + text, x=x(exponent), y=HEIGHT - 5, text_anchor="middle")
        )
    return join(parts)


def _point(one: Point, x: Scale, y: Scale) -> Markup:
    classes = [name for name in ("champion", "stopped") if getattr(one, name)]
    return mark(one.tone, one.shape, x(math.log10(one.lr)), y(one.value), *classes, title=one.title)
