"""Tables of the page as one SVG: rows of texts, strips and tiles under their columns' heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from reports.figures.letters import shortened, width_of
from reports.figures.svg import element, join, number

_SIZE, _SMALL_SIZE, _LARGE_SIZE = 11.0, 9.5, 13.0  # px of letters
_LETTER = 0.573  # width of a letter, of its size
_LINE, _MARGIN, _GAP = 22.0, 12.0, 14.0
_HEADS = 49.0  # the columns' heads, from the top
_STRIP = 14.0
_TILE_WIDTH, _TILE_HEIGHT = 96.0, 34.0
_BETWEEN_TILES = 2.0
_INK, SOFT = "var(--ink)", "var(--soft)"


@dataclass(frozen=True)
class Text:
    """A number or words, with a remark in small letters."""

    value: str
    small: str = ""
    fill: str = _INK


@dataclass(frozen=True)
class Tile:
    """A cell of a heat table; `fill` is a colour of the page, `opacity` its share."""

    value: str
    small: str
    fill: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Column:
    """`kind`: texts to the left, numbers to the right, strips `width` px wide, or tiles."""

    head: str
    kind: Literal["text", "number", "strip", "tile"]
    width: float = 0.0
    below: str = ""  # of a tile's head


Cell = Text | Tile | Markup | None
Row = Sequence[Cell] | str  # a cell for each column, or a heading over the rows that follow


def table_figure(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> Markup:
    """Rows under their columns' heads; columns are as wide as their longest texts."""
    slots = _slots(columns, rows)
    parts = [_title(title), *map(_head, columns, slots)]
    y = _HEADS + 6
    for row in rows:
        if isinstance(row, str):
            y += _LINE
            parts.append(_text(row, _MARGIN, y - 5, weight="600"))
            continue
        height = _height(row)
        for cell, column, slot in zip(row, columns, slots, strict=True):
            parts.append(_draw(cell, column, slot, y, height))
        y += height
    width = max(slots[-1].end, _title_width(title)) + _MARGIN
    return _document(parts, width, y + _MARGIN, title)


def framed(title: str, below: str, drawing: Markup, width: float, height: float) -> Markup:
    """A figure of the page under two lines of title. `width`, `height`: of its view box, px."""
    top = _MARGIN + 38
    place = element("svg", drawing, x=_MARGIN, y=top, width=width, height=height)
    parts = [_title(title), _text(below, _MARGIN, _MARGIN + 25, fill=SOFT), place]
    total = max(width, _title_width(title) - _MARGIN, _width(below)) + 2 * _MARGIN
    return _document(parts, total, top + height + _MARGIN, f"{title}, {below}")


@dataclass(frozen=True)
class _Slot:
    """Where a column lies: its values up to `middle`, their small letters from there on, px."""

    start: float
    middle: float
    end: float


def _slots(columns: Sequence[Column], rows: Sequence[Row]) -> list[_Slot]:
    slots: list[_Slot] = []
    x = _MARGIN
    for index, column in enumerate(columns):
        cells = [Text(column.head), *(row[index] for row in rows if not isinstance(row, str))]
        texts = [cell for cell in cells if isinstance(cell, Text) and column.kind != "tile"]
        value = max([column.width, *(_width(text.value) for text in texts)])
        small = max([0.0, *(_width(text.small, _SMALL_SIZE) + 6 for text in texts if text.small)])
        if column.kind == "tile":
            value, small = _TILE_WIDTH, 0.0
        slots.append(_Slot(x, x + value, x + value + small))
        x = slots[-1].end + (_BETWEEN_TILES if column.kind == "tile" else _GAP)
    return slots


def _head(column: Column, slot: _Slot) -> Markup:
    if column.kind != "tile":
        return _line(Text(column.head, fill=SOFT), column.kind, slot, _HEADS)
    x, most = slot.start + 4, _TILE_WIDTH - 6
    value = _text(column.head, x, _HEADS - 7, weight="600", most=most)
    return value + _text(column.below, x, _HEADS + 4, fill=SOFT, size=_SMALL_SIZE, most=most)


def _height(row: Sequence[Cell]) -> float:
    has_tiles = any(isinstance(cell, Tile) for cell in row)
    return _TILE_HEIGHT + _BETWEEN_TILES if has_tiles else _LINE


def _draw(cell: Cell, column: Column, slot: _Slot, y: float, height: float) -> Markup:
    """A cell of a row of that height that begins at `y`."""
    if cell is None:
        return Markup("")
    if isinstance(cell, Tile):
        return _tile(cell, slot.start, y)
    middle = y + height / 2
    if isinstance(cell, Text):
        return _line(cell, column.kind, slot, middle + 4)
    y, width = middle - _STRIP / 2, slot.end - slot.start
    return element("svg", cell, x=slot.start, y=y, width=width, height=_STRIP, overflow="visible")


def _line(text: Text, kind: str, slot: _Slot, y: float) -> Markup:
    small = _text(text.small, slot.middle + 6, y, fill=SOFT, size=_SMALL_SIZE)
    if kind == "number":
        return _text(text.value, slot.middle, y, fill=text.fill, anchor="end") + small
    return _text(text.value, slot.start, y, fill=text.fill) + small


def _tile(tile: Tile, x: float, y: float) -> Markup:
    box = f"M{number(x)} {number(y)}h{_TILE_WIDTH:g}v{_TILE_HEIGHT:g}h-{_TILE_WIDTH:g}z"
    value = _text(tile.value, x + 6, y + 15, size=_LARGE_SIZE)
    small = _text(tile.small, x + 6, y + 28, size=_SMALL_SIZE, most=_TILE_WIDTH - 10)
    opacity = f"{tile.opacity:.4g}"
    return element("path", d=box, fill=tile.fill, fill_opacity=opacity) + value + small


def _title(text: str) -> Markup:
    return _text(text, _MARGIN, _MARGIN + 10, size=_LARGE_SIZE, weight="600")


def _title_width(title: str) -> float:
    return _MARGIN + _width(title, _LARGE_SIZE)


def _width(text: str, size: float = _SIZE) -> float:
    return _LETTER * size * width_of(text)


def _text(
    text: str,
    x: float,
    y: float,
    *,
    fill: str = _INK,
    size: float = _SIZE,
    weight: str = "",
    anchor: str = "",
    most: float = 0.0,
) -> Markup:
    """One line of letters, cut with an ellipsis where it would be wider than `most` px."""
    shown = shortened(text, int(most / (_LETTER * size))) if most else text
    style = f"font-size: {size:g}px; fill: {fill}"
    if not shown:
        return Markup("")
    return element("text", shown, x=x, y=y, style=style, font_weight=weight, text_anchor=anchor)


def _document(parts: Sequence[Markup], width: float, height: float, title: str) -> Markup:
    x, y = round(width), round(height)
    return element(
        "svg",
        join(parts),
        width=x,
        height=y,
        viewBox=f"0 0 {x} {y}",
        role="img",
        aria_label=title,
    )
