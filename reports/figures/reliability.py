"""A reliability diagram: accuracy by confidence, and the number of rows.

Above, for each bin of confidence, the accuracy as a bar, and what lies between it and the mean
confidence. Below, the rows of each bin.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.figures.svg import Scale, element, join, number
from reports.statistics.outcomes import Bin

WIDTH, HEIGHT = 250, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 30, 6, 6, 70
_FOOT = 52  # height of the counts at the bottom


def reliability_diagram(bins: Sequence[Bin], title: str) -> Markup:
    """Draw `bins`; one without rows is not among them."""
    x = Scale(0.0, 1.0, _LEFT, WIDTH - _RIGHT)
    y = Scale(0.0, 1.0, HEIGHT - _BOTTOM, _TOP)
    parts = [_axes(x, y), *_bars(bins, x, y)]
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


def _bars(bins: Sequence[Bin], x: Scale, y: Scale) -> list[Markup]:
    """The accuracies as bars, and what lies between them and the mean confidences."""
    right = [(one, y(one.accuracy), y(0)) for one in bins]
    gaps: dict[str, list[tuple[Bin, float, float]]] = {"gap": [], "gap over": []}
    for one in bins:
        kind = "gap over" if one.confidence > one.accuracy else "gap"
        gaps[kind].append((one, y(one.accuracy), y(one.confidence)))
    return [_path(right, x, "right"), *(_path(rows, x, kind) for kind, rows in gaps.items())]


def _counts(bins: Sequence[Bin], x: Scale) -> list[Markup]:
    most = max((one.rows for one in bins), default=1)
    tall = Scale(0, most, 1, _FOOT - 14)
    tops = [(one, HEIGHT - tall(one.rows), float(HEIGHT)) for one in bins]
    texts = [
        element("text", _short(one.rows), x=x((one.low + one.high) / 2), y=top - 2, class_="n")
        for one, top, _ in tops
    ]
    return [_path(tops, x, "rows"), *texts]


def _path(bars: Sequence[tuple[Bin, float, float]], x: Scale, kind: str) -> Markup:
    """Bars from one height to another, as wide as their bins but for a gap, in one element."""
    if not bars:
        return Markup("")
    drawn = [
        f"M{number(x(one.low) + 0.5)} {number(start)}V{number(end)}"
        f"H{number(x(one.high) - 0.5)}V{number(start)}z"
        for one, start, end in bars
    ]
    return element("path", d="".join(drawn), class_=kind)


def _short(rows: int) -> str:
    """At most three characters: 940, 1k, 12k."""
    return str(rows) if rows < 1000 else f"{rows / 1000:.0f}k"
