"""Read delimited text files in the forms in which spreadsheets save them.

The separator is a comma, semicolon or tab, whichever the first line has most of, or the one that
Excel's line `sep=;` declares; column names are case-insensitive.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import DataError

_SEPARATORS = (",", ";", "\t")
_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?[\s,;]*", re.IGNORECASE)  # Excel's


@dataclass(frozen=True)
class Line:
    """The cells of one row, and the line of the file that it ends in."""

    number: int
    cells: list[str]


@dataclass(frozen=True)
class Delimited:
    """The column names, stripped and in lower case, and the rows that are not empty."""

    names: list[str]
    lines: list[Line]


def read_delimited(file: Path, setting: str) -> Delimited:
    """Read a file.

    Args:
        file: its path.
        setting: the key and value that name the file, for messages.

    Raises:
        DataError: one line, for a file that cannot be read, or is not delimited text in UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        first = 1
        separators: Iterable[str] = _SEPARATORS
        if lines and (declared := _SEP_LINE.fullmatch(lines[0])):
            lines, first, separators = lines[1:], 2, declared[1]
        header = lines[0] if lines else ""
        reader = csv.reader(lines, delimiter=max(separators, key=header.count), strict=True)
        names = [name.strip().casefold() for name in next(reader, [])]
        rows = [Line(reader.line_num + first - 1, cells) for cells in reader if any(cells)]
    except OSError as error:
        raise DataError(f"{setting}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{setting}: not a CSV file in UTF-8 ({error}); save it as CSV with the encoding UTF-8"
        ) from None
    return Delimited(names, rows)
