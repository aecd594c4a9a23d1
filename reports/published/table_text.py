"""Read the text of a published table: its headers and rows, and lines that are neither.

Columns are separated by commas, semicolons or tabs. A line `sep=;` and title lines above the header
are skipped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.published.columns import count_metrics
from reports.published.consistency import METRICS

_SEPARATORS = (",", ";", "\t")
_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?[\s,;]*", re.IGNORECASE)
_MOST_TITLE_LINES = 5
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods are zips, xls is OLE
_UNCLOSED = 'a quote (") is opened and not closed'

Row = dict[str, str]


class TableError(ValueError):
    """A file that cannot be checked, described in one line."""


@dataclass(frozen=True)
class TableText:
    """Headers and rows as they stand in the file."""

    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    title: str = ""  # what stands above the header


def read_table(path: Path) -> TableText:
    """Raises TableError for a file that is no table with a metric's column."""
    try:
        return _parse(_text(path))
    except TableError as error:
        raise TableError(f"table '{path}': {error}") from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(_SPREADSHEETS):
            raise TableError("is a spreadsheet: save it as CSV")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise TableError(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise TableError("cannot be read (not a CSV file in UTF-8): save it as CSV UTF-8") from None
    if not text.strip():
        raise TableError("is empty")
    return text


def _parse(text: str) -> TableText:
    lines = text.splitlines(keepends=True)
    separators: Sequence[str] = _SEPARATORS
    if declared := _SEP_LINE.fullmatch(lines[0]):
        lines, separators = lines[1:], declared[1]
    separator = max(separators, key=lambda one: _best_header(_lenient(lines, one))[1:])
    table = _strict(lines, separator)
    start, metrics, _ = _best_header(table)
    headers = [name.strip() for name in table[start]] if table else []
    if not metrics:
        raise TableError(
            f"has columns {', '.join(headers) or 'none'}; expected one or more of "
            f"{', '.join(METRICS)}, separated by commas, semicolons or tabs"
        )
    rows = table[start + 1 :]
    if not rows:
        raise TableError("has a header and no rows")
    own = tuple(_row(number, row, headers) for number, row in enumerate(rows, start=1))
    title = " ".join(cell.strip() for row in table[:start] for cell in row if cell.strip())
    return TableText(tuple(headers), own, title)


def _best_header(table: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """The row that names most metrics, the first if none does, and how many metrics and columns."""
    best = 0, 0, len(table[0]) if table else 0
    for number, row in enumerate(table[: _MOST_TITLE_LINES + 1]):
        if (score := (count_metrics(row), len(row))) > best[1:] and score[0]:
            best = number, *score
    return best


def _lenient(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The rows up to where the header must have come, whatever is wrong with their quotes."""
    rows = csv.reader(lines, delimiter=separator)
    return [row for _, row in zip(range(_MOST_TITLE_LINES + 1), rows, strict=False) if _filled(row)]


def _strict(lines: Sequence[str], separator: str) -> list[list[str]]:
    """All rows that are not blank. Raises TableError for a quote that is not closed."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    table: list[list[str]] = []
    start = 1
    try:
        for row in reader:
            if any("\n" in cell and separator in cell for cell in row):
                raise TableError(f"line {start}: {_UNCLOSED}, or opened in a later line")
            if _filled(row):
                table.append(row)
            start = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"line {start}: {_UNCLOSED} ({error})") from None
    return table


def _filled(row: Sequence[str]) -> bool:
    return any(map(str.strip, row))


def _row(number: int, cells: Sequence[str], headers: Sequence[str]) -> Row:
    if _filled(cells[len(headers) :]):
        raise TableError(
            f"row {number}: {len(cells)} values under {len(headers)} columns; quote those with a "
            "comma in them, or separate all by semicolons"
        )
    found: Row = {}
    for column, header in enumerate(headers):
        found.setdefault(header, cells[column] if column < len(cells) else "")
    return found
