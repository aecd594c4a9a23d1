"""ROC and precision-recall curves of many classes: each a faint line that names itself, their mean
bold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from reports.figures.svg import Scale, element, join

SIDE = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 28, 6, 6, 18
_MOST_POINTS = {False: 30, True: 120}  # of a class, of the mean
_MANY = 12  # classes: fewer points then


@dataclass(frozen=True)
class Line:
    """Points (x, y) within 0..1 in order, joined by straight lines; `name` is its tooltip."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    mean: bool = False


def unit_curves(lines: Sequence[Line], title: str, *, diagonal: bool) -> Markup:
    """Draw `lines` in a unit square, means on top; `diagonal`: what a guess would give."""
    x = Scale(0.0, 1.0, _LEFT, SIDE - _RIGHT)
    y = Scale(0.0, 1.0, SIDE - _BOTTOM, _TOP)
    parts = [_axes(x, y)]
    if diagonal:
        path = f"M{_LEFT} {SIDE - _BOTTOM}L{SIDE - _RIGHT} {_TOP}"
        parts.append(element("path", d=path, class_="ideal"))
    few = 20 if len(lines) > _MANY else _MOST_POINTS[False]
    for line in sorted(lines, key=lambda one: one.mean):
        most = _MOST_POINTS[True] if line.mean else few
        kind = "mean" if line.mean else "one"
        name = element("title", line.name)
        parts.append(element("path", name, d=_path(line, x, y, most), class_=kind))
    return element(
        "svg",
        join(parts),
        class_="unit",
        viewBox=f"0 0 {SIDE} {SIDE}",
        role="img",
        aria_label=title,
    )


def _axes(x: Scale, y: Scale) -> Markup:
    parts = []
    for share in (0.0, 0.5, 1.0):
        text = f"{100 * share:.0f}"
        parts.append(element("path", d=f"M{_LEFT} {y(share):.0f}H{SIDE - _RIGHT}", class_="guide"))
        parts.append(element("text", text, x=_LEFT - 4, y=y(share) + 3.5, text_anchor="end"))
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        parts.append(element("text", text, x=x(share), y=SIDE - 5, text_anchor=anchor))
    return join(parts)


def _path(line: Line, x: Scale, y: Scale, most: int) -> str:
    """Whole pixels, no point twice, at most `most` of them; along an axis in one letter."""
    points = [(round(x(a)), round(y(b))) for a, b in zip(line.x, line.y, strict=True)]
    corners = list(dict.fromkeys(points))
    if len(corners) > most:
        chosen = np.linspace(0, len(corners) - 1, most).round().astype(int)
        corners = [corners[index] for index in chosen]
    if not corners:
        return "M0 0"
    path = [f"M{corners[0][0]} {corners[0][1]}"]
    for (x0, y0), (x1, y1) in zip(corners, corners[1:], strict=False):
        if y1 == y0:
            path.append(f"h{x1 - x0}")
        elif x1 == x0:
            path.append(f"v{y1 - y0}")
        else:
            path.append(f"l{x1 - x0} {y1 - y0}")
    return "".join(path)
