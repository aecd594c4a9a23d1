"""A confusion matrix: rows are the true classes, colour is the row's share, numbers are counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from reports.figures.letters import shortened, width_of
from reports.figures.svg import element, join, number

_STEPS = 10  # shades; the style sheet has one class for each
_SIDES = ((14, 34), (24, 20), (50, 14))  # up to so many classes, px a cell
_LEAST_SIDE = 12
_WITH_PERCENT = 34  # px: both numbers fit
_WITH_COUNT = 14
_LONGEST_NAME = 26
_CHARACTER = 6.2  # px, of the 11 px label face
_TOP = 18


def confusion_matrix(
    classes: Sequence[str], counts: Mapping[tuple[str, str], int], title: str
) -> Markup:
    """Draw counts[(label, predicted)]; only cells that are not empty cost bytes.

    Columns carry the row's number, so long names are written once. Up to 14 classes a cell has its
    count and the row's percent; up to 50 its count, the percent and both names being its tooltip.
    """
    side = next((px for most, px in _SIDES if len(classes) <= most), _LEAST_SIDE)
    longest = max((width_of(name) for name in classes), default=0)
    left = round(_CHARACTER * (min(longest, _LONGEST_NAME) + 3)) + 8
    totals = {name: sum(counts.get((name, other), 0) for other in classes) for name in classes}
    parts = [_grid(len(classes), left, side)]
    for row, label in enumerate(classes):
        parts.append(_label(row, label, left, side))
        parts.append(_heading(row, left, side))
        parts += [
            _cell(left + column * side, _TOP + row * side, side, n, totals[label], label, predicted)
            for column, predicted in enumerate(classes)
            if (n := counts.get((label, predicted), 0))
        ]
    width, height = left + len(classes) * side + 2, _TOP + 2 + len(classes) * side
    return element(
        "svg",
        join(parts),
        class_=f"confusion s{side}",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=title,
    )


def _grid(n: int, left: int, side: int) -> Markup:
    return element("rect", x=left, y=_TOP, width=n * side, height=n * side, class_="empty")


def _label(row: int, name: str, left: int, side: int) -> Markup:
    text = shortened(name, _LONGEST_NAME)
    shown = Markup("{} <tspan class='no'>{}</tspan>").format(text, row + 1)
    if text != name:
        shown += element("title", name)
    return element("text", shown, x=left - 6, y=_TOP + (row + 0.5) * side + 3.5, class_="name")


def _heading(column: int, left: int, side: int) -> Markup:
    if side < _WITH_COUNT and (column + 1) % 5 and column:
        return Markup("")
    return element("text", str(column + 1), x=left + (column + 0.5) * side, y=12, class_="no")


def _cell(x: int, y: int, side: int, n: int, total: int, label: str, predicted: str) -> Markup:
    share = n / total if total else 0.0
    kind = f"{'hit' if label == predicted else 'miss'} q{max(1, round(share * _STEPS))}"
    box = f"M{x} {y}h{side - 1}v{side - 1}h-{side - 1}z"
    if side == _WITH_PERCENT:
        texts = _number(str(n), x, y + 15, side) + _number(f"{100 * share:.0f}%", x, y + 26, side)
        return element("path", d=box, class_=kind) + texts
    said = f"{label}: {n} of {total} ({100 * share:.0f} %) predicted as {predicted}"
    if label == predicted:
        said = f"{label}: {n} of {total} ({100 * share:.0f} %) correct"
    drawn = element("path", element("title", said), d=box, class_=kind)
    return drawn if side < _WITH_COUNT else drawn + _number(str(n), x, y + side / 2 + 3, side)


def _number(text: str, x: int, y: float, side: int) -> Markup:
    kind = "s" if text.endswith("%") else ""
    return element("text", text, x=number(x + side / 2 - 0.5), y=y, class_=kind)
