"""A confusion matrix: rows are the true classes, colour is the row's share, numbers are counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from reports.figures.svg import element, join

_STEPS = 10  # shades; the style sheet has one class for each
_MOST_WITH_NUMBERS = 14
_LONGEST_NAME = 26
_CHARACTER = 6.2  # px, of the 11 px label face


def confusion_matrix(
    classes: Sequence[str], counts: Mapping[tuple[str, str], int], title: str
) -> Markup:
    """Draw counts[(label, predicted)]; only cells that are not empty cost bytes.

    Columns carry the row's number, so long names are written once. Many classes: no numbers.
    """
    numbered = len(classes) <= _MOST_WITH_NUMBERS
    side = 34 if numbered else 12
    longest = max((len(name) for name in classes), default=0)
    left = round(_CHARACTER * (min(longest, _LONGEST_NAME) + 3)) + 8
    totals = {name: sum(counts.get((name, other), 0) for other in classes) for name in classes}
    parts = [_grid(len(classes), left, side)]
    for row, label in enumerate(classes):
        parts.append(_label(row, label, left, side))
        parts.append(_heading(row, left, side, numbered))
        parts += [
            _cell(left + column * side, 18 + row * side, side, n, totals[label], row == column)
            for column, predicted in enumerate(classes)
            if (n := counts.get((label, predicted), 0))
        ]
    width, height = left + len(classes) * side + 2, 20 + len(classes) * side
    return element(
        "svg",
        join(parts),
        class_="confusion",
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=title,
    )


def _grid(n: int, left: int, side: int) -> Markup:
    return element("rect", x=left, y=18, width=n * side, height=n * side, class_="empty")


def _label(row: int, name: str, left: int, side: int) -> Markup:
    text = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    y = 18 + row * side + side / 2 + 3.5
    shown = Markup("{} <tspan class='no'>{}</tspan>").format(text, row + 1)
    if text != name:
        shown += element("title", name)
    return element("text", shown, x=left - 6, y=y, text_anchor="end", class_="name")


def _heading(column: int, left: int, side: int, numbered: bool) -> Markup:
    if not numbered and (column + 1) % 5 and column:
        return Markup("")
    x = left + column * side + side / 2
    return element("text", str(column + 1), x=x, y=12, text_anchor="middle", class_="no")


def _cell(x: int, y: int, side: int, n: int, total: int, right: bool) -> Markup:
    share = n / total if total else 0.0
    shade = max(1, round(share * _STEPS))
    kind = f"{'hit' if right else 'miss'} q{shade}"
    box = element("rect", x=x, y=y, width=side - 1, height=side - 1, class_=kind)
    if side < 20:
        return box
    middle = x + side / 2 - 0.5
    big = element("text", str(n), x=middle, y=y + 15, text_anchor="middle")
    small = element(
        "text", f"{100 * share:.0f}%", x=middle, y=y + 26, text_anchor="middle", class_="s"
    )
    return box + big + small
