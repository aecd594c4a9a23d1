"""Figures that the page lays out as HTML tables, as one SVG: rows of texts, strips and tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.figures.letters import shortened, width_of
from reports.figures.svg import element, join

_CHARACTER = 6.3  # px, of 11 px letters
_SMALL = 5.4  # of 9.5 px letters
_LINE, _HEAD, _MARGIN, _GAP = 22.0, 20.0, 12.0, 14.0
_STRIP = 14.0
_INK, _SOFT = "var(--ink)", "var(--soft)"
_TILE_WIDTH, _TILE_HEIGHT = 96.0, 34.0


@dataclass(frozen=True)
class Text:
    """A number or words, with what is said of it in small letters."""

    value: str
    small: str = ""


@dataclass(frozen=True)
class Column:
    """`kind`: text (from the left) | number (to the right) | strip (drawn, `width` px wide)."""

    head: str
    kind: str
    width: float = 0.0


@dataclass(frozen=True)
class Tile:
    """One place of a heat table; `fill` a colour, which may be a CSS value of the page."""

    value: str
    small: str
    fill: str


Cell = Text | Markup | None
Row = Sequence[Cell] | str  # cells, one for each column; or a heading over the rows that follow


def rows_figure(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> Markup:
    """Rows of texts and strips under their columns' heads; as wide as their longest texts."""
    slots = _slots(columns, rows)
    parts = [_title(title)]
    y = _MARGIN + 2 * _HEAD
    for column, slot in zip(columns, slots, strict=True):
        parts.append(_place(Text(column.head), column.kind, slot, y - 6, _SOFT))
    for row in rows:
        y += _LINE
        if isinstance(row, str):
            parts.append(_text(row, _MARGIN, y - 4, weight="600"))
            continue
        for cell, column, slot in zip(row, columns, slots, strict=True):
            if cell is not None:
                parts.append(_place(cell, column.kind, slot, y - 6, _INK))
    total = max(slots[-1].end, _CHARACTER * 1.2 * width_of(title)) + _MARGIN
    return _document(parts, total, y + _MARGIN, title)


def tiles_figure(
    title: str, heads: Sequence[Text], rows: Sequence[tuple[str, Sequence[Tile | None]] | str]
) -> Markup:
    """A heat table: a tile for each head in every row, headings between them."""
    labels = [row[0] for row in rows if not isinstance(row, str)]
    left = _MARGIN + _CHARACTER * max((width_of(label) for label in labels), default=0) + _GAP
    parts = [_title(title)]
    y = _MARGIN + 2.4 * _HEAD
    for number, head in enumerate(heads):
        x = left + number * (_TILE_WIDTH + 2) + 4
        parts.append(_text(head.value, x, y - 14, weight="600", most=_TILE_WIDTH - 6))
        parts.append(_text(head.small, x, y - 3, fill=_SOFT, size=9.5, most=_TILE_WIDTH - 6))
    for row in rows:
        if isinstance(row, str):
            y += _LINE
            parts.append(_text(row, _MARGIN, y - 6, weight="600"))
            continue
        label, tiles = row
        parts.append(_text(label, _MARGIN, y + _TILE_HEIGHT / 2 + 3, fill=_SOFT))
        for number, tile in enumerate(tiles):
            if tile is not None:
                parts.append(_tile(tile, left + number * (_TILE_WIDTH + 2), y))
        y += _TILE_HEIGHT + 2
    width = max(left + len(heads) * (_TILE_WIDTH + 2), _CHARACTER * 1.2 * width_of(title)) + _MARGIN
    return _document(parts, width, y + _MARGIN, title)


def framed(title: str, below: str, drawing: Markup, width: float, height: float) -> Markup:
    """A figure of the page under two lines of title. `width`, `height`: of its view box, px."""
    top = _MARGIN + _HEAD + 18
    parts = [
        _title(title),
        _text(below, _MARGIN, _MARGIN + 25, fill=_SOFT),
        element("svg", drawing, x=_MARGIN, y=top, width=width, height=height),
    ]
    total = (
        max(width, _CHARACTER * 1.2 * width_of(title), _CHARACTER * width_of(below)) + 2 * _MARGIN
    )
    return _document(parts, total, top + height + _MARGIN, f"{title}, {below}")


def _document(parts: Sequence[Markup], width: float, height: float, title: str) -> Markup:
    return element(
        "svg",
        join(parts),
        width=round(width),
        height=round(height),
        viewBox=f"0 0 {round(width)} {round(height)}",
        role="img",
        aria_label=title,
    )


@dataclass(frozen=True)
class _Slot:
    """Where a column lies: its values up to `middle`, their small letters from there on, px."""

    start: float
    middle: float
    end: float


def _slots(columns: Sequence[Column], rows: Sequence[Row]) -> list[_Slot]:
    slots = []
    x = _MARGIN
    for number, column in enumerate(columns):
        cells = [row[number] for row in rows if not isinstance(row, str)]
        texts = [cell for cell in cells if isinstance(cell, Text)]
        value = max([width_of(column.head), *(width_of(text.value) for text in texts)]) * _CHARACTER
        small = max([0, *(width_of(text.small) for text in texts)]) * _SMALL
        middle = x + max(value, column.width)
        slots.append(_Slot(x, middle, middle + (small + 6 if small else 0)))
        x = slots[-1].end + _GAP
    return slots


def _place(cell: Text | Markup, kind: str, slot: _Slot, y: float, fill: str) -> Markup:
    if not isinstance(cell, Text):
        top, width = y - _STRIP / 2 - 3.5, slot.end - slot.start
        return element(
            "svg", cell, x=slot.start, y=top, width=width, height=_STRIP, overflow="visible"
        )
    small = _text(cell.small, slot.middle + 6, y, fill=_SOFT, size=9.5)
    if kind == "number":
        return _text(cell.value, slot.middle, y, fill=fill, anchor="end") + small
    return _text(cell.value, slot.start, y, fill=fill) + small


def _tile(tile: Tile, x: float, y: float) -> Markup:
    box = element("rect", x=x, y=y, width=_TILE_WIDTH, height=_TILE_HEIGHT, fill=tile.fill)
    value = _text(tile.value, x + 6, y + 15, size=13)
    return box + value + _text(tile.small, x + 6, y + 28, size=9.5, most=_TILE_WIDTH - 10)


def _title(text: str) -> Markup:
    return _text(text, _MARGIN, _MARGIN + 10, size=13, weight="600")


def _text(
    text: str,
    x: float,
    y: float,
    *,
    fill: str = _INK,
    size: float = 11.0,
    weight: str = "",
    anchor: str = "",
    most: float = 0.0,
) -> Markup:
    """One line of letters, cut with an ellipsis where it would be wider than `most` px."""
    if most:
        text = shortened(text, int(most / (size * 0.57)))
    return (
        element(
            "text",
            text,
            x=x,
            y=y,
            style=f"font-size: {size:g}px; fill: {fill}",
            font_weight=weight,
            text_anchor=anchor,
        )
        if text
        else Markup("")
    )
