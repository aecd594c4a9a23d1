"""Dots, rings and whiskers on one horizontal line, as wide as whatever holds it.

Positions are percentages of the width, so a strip needs no layout and its marks never stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures.svg import Scale, element, join
from reports.statistics import Interval

_PATHS = {"square": "M-3-3h6v6h-6z", "diamond": "M0-4.2 4.2 0 0 4.2-4.2 0z"}


@dataclass(frozen=True)
class Mark:
    """A value on the strip. `shape`: dot, ring, square, diamond or bar; `tone`: the CSS class that
    colours it."""

    value: float
    shape: str = "dot"
    tone: str = ""
    whisker: Interval | None = None


def strip(
    marks: Sequence[Mark],
    scale: Scale,
    *,
    height: int = 14,
    guides: Sequence[float] = (),
    link: bool = False,
    label: str = "",
) -> Markup:
    """Draw `marks` on one line; `guides` are faint verticals; `link` joins the first two marks."""
    middle = height / 2
    signed = scale.low < 0
    bleed = 0.0 if height < 12 else 5.0  # meets the guides of the strips above and below
    parts = [
        _vertical(
            scale(value), -bleed, height + bleed, "guide" if value or not signed else "guide zero"
        )
        for value in guides
    ]
    if link and len(marks) >= 2:
        first, second = (scale(mark.value) for mark in marks[:2])
        parts.append(_horizontal(min(first, second), max(first, second), middle, "link"))
    parts += [
        _horizontal(scale(w.low), scale(w.high), middle, f"whisker {mark.tone}".strip())
        for mark in marks
        if (w := mark.whisker)
    ]
    parts += [_shape(mark, scale, middle) for mark in marks]
    described = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return element("svg", join(parts), class_="strip", height=height, **described)


def axis(ticks: Sequence[tuple[float, str]], scale: Scale) -> Markup:
    """Tick labels over a column of strips; the outer two stay within the width."""
    parts = []
    for value, text in ticks:
        x = scale(value)
        anchor = "start" if x < 3 else "end" if x > 97 else "middle"
        parts.append(element("text", text, x=f"{x:.1f}%", y=11, text_anchor=anchor))
    return element("svg", join(parts), class_="strip axis", height=14, aria_hidden="true")


def _shape(mark: Mark, scale: Scale, middle: float) -> Markup:
    x = scale(mark.value)
    if mark.shape == "bar":
        return _vertical(x, middle - 5, middle + 5, f"mark bar {mark.tone}".strip())
    radius = 2.5 if middle < 6 else 3.5
    kind = f"mark {mark.shape} {mark.tone}".strip()
    if mark.shape in _PATHS:  # a path knows no percentages: an inner svg puts it in its place
        path = element("path", d=_PATHS[mark.shape], class_=kind)
        return element("svg", path, x=f"{x:.1f}%", y=middle, overflow="visible")
    return element("circle", cx=f"{x:.1f}%", cy=middle, r=radius, class_=kind)


def _horizontal(x1: float, x2: float, y: float, kind: str) -> Markup:
    return element("line", x1=f"{x1:.1f}%", x2=f"{x2:.1f}%", y1=y, y2=y, class_=kind)


def _vertical(x: float, y1: float, y2: float, kind: str) -> Markup:
    return element("line", x1=f"{x:.1f}%", x2=f"{x:.1f}%", y1=y1, y2=y2, class_=kind)
