"""The flow of images, from the files found to the parts of a split, as inline SVG."""

from __future__ import annotations

from markupsafe import Markup

from reports import wording
from reports.figures.svg import element, join
from reports.image_flow import Flow

_WIDTH, _BOX, _GAP, _SIDE = 360.0, 44.0, 20.0, 150.0
_MAIN = _WIDTH - _SIDE - _GAP
_BETWEEN = 8.0


def draw_flow(flow: Flow) -> Markup:
    """The diagram as inline SVG, 360 px wide."""
    steps, top = _steps(flow), 0.0
    parts: list[Markup] = []
    for text, aside in steps:
        parts += _box(0.0, top, _MAIN, text)
        if aside:
            parts.append(_line(_MAIN, top + _BOX / 2, _WIDTH - _SIDE, top + _BOX / 2))
            parts += _box(_WIDTH - _SIDE, top, _SIDE, aside)
        parts.append(_line(_MAIN / 2, top + _BOX, _MAIN / 2, top + _BOX + _GAP))
        top += _BOX + _GAP
    parts += _parts(flow, top)
    height = top + _GAP + _BOX
    label = (
        f"{flow.found} files found, {flow.excluded} left out, {flow.used} images used in "
        f"{flow.groups} independent groups; "
        + ", ".join(f"{name} {count}" for name, count in flow.parts)
    )
    return element(
        "svg",
        join(parts),
        class_="flow",
        viewBox=f"-1 -1 {_WIDTH + 2:.0f} {height + 2:.0f}",
        role="img",
        aria_label=label,
    )


def _steps(flow: Flow) -> list[tuple[str, str]]:
    """The boxes from top to bottom, each with what leaves beside it."""
    left_out = f"{wording.count(flow.excluded)} left out" if flow.excluded else ""
    steps = [(f"{wording.plural(flow.found, 'file')} found", left_out)]
    if flow.other_classes:
        usable = wording.plural(flow.found - flow.excluded, "usable image")
        steps.append((usable, f"{wording.count(flow.other_classes)} of other classes"))
    steps.append((f"{wording.plural(flow.used, 'image')} used", ""))
    return [*steps, (wording.plural(flow.groups, "independent group"), "")]


def _parts(flow: Flow, top: float) -> list[Markup]:
    """The parts of the split side by side."""
    width = (_WIDTH - 2 * _BETWEEN) / 3
    found = [element("text", flow.split, x=0, y=top + 12, class_="soft")]
    for number, (name, count) in enumerate(flow.parts):
        left = number * (width + _BETWEEN)
        found += _box(left, top + _GAP, width, wording.count(count), name)
    return found


def _box(left: float, top: float, width: float, text: str, below: str = "") -> list[Markup]:
    middle = left + width / 2
    first = top + _BOX / 2 + (-3 if below else 4)
    centred = {"x": middle, "text_anchor": "middle"}
    found = [
        element("rect", x=left, y=top, width=width, height=_BOX, rx=3),
        element("text", text, y=first, **centred),
    ]
    if below:
        found.append(element("text", below, y=first + 16, class_="soft", **centred))
    return found


def _line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2)
