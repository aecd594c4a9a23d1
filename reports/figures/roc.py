"""ROC and precision-recall curves of many classes: a faint line with a tooltip for each, their mean
bold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from reports.figures.svg import Scale, element, join

SIDE = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 28, 6, 6, 18
_POINTS = 60  # at most, of a class
_POINTS_OF_MANY = 24
_MANY = 12  # classes
_POINTS_OF_MEAN = 120

Values = Sequence[float] | npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Line:
    """Points (x, y) within 0..1 in order, joined by straight lines; `name` is its tooltip."""

    name: str
    x: Values
    y: Values
    mean: bool = False


def unit_curves(lines: Sequence[Line], title: str, *, diagonal: bool) -> Markup:
    """Draw `lines` in a unit square, means on top; `diagonal`: what a guess would give."""
    x = Scale(0.0, 1.0, _LEFT, SIDE - _RIGHT)
    y = Scale(0.0, 1.0, SIDE - _BOTTOM, _TOP)
    parts = [_axes(x, y)]
    if diagonal:
        path = f"M{_LEFT} {SIDE - _BOTTOM}L{SIDE - _RIGHT} {_TOP}"
        parts.append(element("path", d=path, class_="ideal"))
    few = _POINTS_OF_MANY if len(lines) > _MANY else _POINTS
    for line in sorted(lines, key=lambda one: one.mean):
        most = _POINTS_OF_MEAN if line.mean else few
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
    """Whole pixels and corners only, at most `most` of them; along an axis in one letter."""
    corners = _corners(_pixels(line.x, x), _pixels(line.y, y))
    if len(corners) > most:
        chosen = np.linspace(0, len(corners) - 1, most).round().astype(int)
        corners = [corners[index] for index in chosen]
    path = [f"M{corners[0][0]} {corners[0][1]}"]
    for (x0, y0), (x1, y1) in pairwise(corners):
        if y1 == y0:
            path.append(f"h{x1 - x0}")
        elif x1 == x0:
            path.append(f"v{y1 - y0}")
        else:
            path.append(f"l{x1 - x0} {y1 - y0}")
    return "".join(path)


def _pixels(values: Values, scale: Scale) -> np.ndarray:
    """A curve may have a point for each of thousands of test rows: all at once."""
    shares = np.asarray(values, dtype=float)
    return np.rint(scale.start + shares * (scale.end - scale.start)).astype(int)


def _corners(x: np.ndarray, y: np.ndarray) -> list[tuple[int, int]]:
    """Without repeats, and without those on a horizontal or vertical way between two others."""
    moved = np.append(True, (np.diff(x) != 0) | (np.diff(y) != 0))
    x, y = x[moved], y[moved]
    across = (x[:-2] == x[1:-1]) & (x[1:-1] == x[2:])
    along = (y[:-2] == y[1:-1]) & (y[1:-1] == y[2:])
    kept = np.ones(len(x), dtype=bool)
    kept[1:-1] = ~(across | along)
    return list(zip(x[kept].tolist(), y[kept].tolist(), strict=True))
