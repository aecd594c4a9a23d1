"""A reliability diagram: how often a network is right, by how sure it is, and how many rows say so.

Above, for each bin of confidence, the accuracy as a bar and what is missing to the diagonal, where
accuracy equals confidence, or too much, hatched. Below, the rows of each bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures.svg import Scale, element, join

WIDTH, HEIGHT = 250, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 6, 6, 70
_FOOT = 52  # height of the counts, at the very bottom


@dataclass(frozen=True)
class Bin:
    """Rows with a top probability in (low, high]: their mean, and the share that is right."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


def reliability_diagram(bins: Sequence[Bin], title: str) -> Markup:
    """Draw `bins`; one without rows is not among them."""
    x = Scale(0.0, 1.0, _LEFT, WIDTH - _RIGHT)
    y = Scale(0.0, 1.0, HEIGHT - _BOTTOM, _TOP)
    parts = [_axes(x, y)]
    parts += [_bin(one, x, y) for one in bins]
    parts.append(
        element("path", d=f"M{_LEFT} {HEIGHT - _BOTTOM}L{WIDTH - _RIGHT} {_TOP}", class_="ideal")
    )
    parts += _counts(bins, x)
    return element(
        "svg",
        join(parts),
        class_="reliability",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title}: accuracy by confidence",
    )


def _axes(x: Scale, y: Scale) -> Markup:
    parts = []
    for share in (0.0, 0.5, 1.0):
        parts.append(element("path", d=f"M{_LEFT} {y(share):.0f}H{WIDTH - _RIGHT}", class_="guide"))
        parts.append(
            element("text", f"{100 * share:.0f}", x=_LEFT - 5, y=y(share) + 3.5, text_anchor="end")
        )
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        parts.append(
            element("text", f"{100 * share:.0f}", x=x(share), y=y(0) + 12, text_anchor=anchor)
        )
    return join(parts)


def _bin(one: Bin, x: Scale, y: Scale) -> Markup:
    """The accuracy as a bar, and the way from there to the mean confidence."""
    left, width = x(one.low) + 0.5, x(one.high) - x(one.low) - 1
    top, ideal = y(one.accuracy), y(one.confidence)
    said = f"{one.rows} rows, sure {100 * one.confidence:.0f} %, right {100 * one.accuracy:.0f} %"
    bar = element(
        "rect",
        element("title", said),
        x=left,
        y=top,
        width=width,
        height=max(0.0, y(0) - top),
        class_="right",
    )
    upper, lower = min(top, ideal), max(top, ideal)
    kind = "gap over" if one.confidence > one.accuracy else "gap"
    gap = element("rect", x=left, y=upper, width=width, height=lower - upper, class_=kind)
    return bar + gap


def _counts(bins: Sequence[Bin], x: Scale) -> list[Markup]:
    most = max((one.rows for one in bins), default=1)
    height = Scale(0, most, 0, _FOOT - 14)
    parts = []
    for one in bins:
        tall = max(1.0, height(one.rows))
        left, width = x(one.low) + 0.5, x(one.high) - x(one.low) - 1
        parts.append(
            element("rect", x=left, y=HEIGHT - tall, width=width, height=tall, class_="rows")
        )
        parts.append(
            element("text", _short(one.rows), x=left + width / 2, y=HEIGHT - tall - 2, class_="n")
        )
    return parts


def _short(rows: int) -> str:
    """At most three characters: 940, 1k, 12k."""
    return str(rows) if rows < 1000 else f"{rows / 1000:.0f}k"
