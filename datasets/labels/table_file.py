"""Read a user's CSV or Parquet table as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.delimited import read_delimited
from datasets.errors import DataError
from datasets.layout.folder_names import named

SUFFIXES = (".csv", ".parquet")
_PER_ROW = ("list", "struct", "map")  # types of Parquet that hold several values


@dataclass(frozen=True)
class TableFile:
    """A table as text.

    Attributes:
        setting: the key and value that name it, for messages.
        columns: by lower-case name, one text a row, "" where there is none.
        numbers: of each row, its line in a CSV file or its number in a Parquet file.
        unit: what `numbers` counts: "line" | "row".
        several: the columns whose cells hold lists or records.
    """

    setting: str
    columns: dict[str, list[str]]
    numbers: list[int]
    unit: str = "line"
    several: frozenset[str] = frozenset()

    def at(self, row: int) -> str:
        """The place of a row: `line 3`."""
        return f"{self.unit} {self.numbers[row]}"

    def wrong(self, what: str, row: int | None = None) -> DataError:
        """The error about the table, or about one of its rows."""
        where = "" if row is None else f", {self.at(row)}"
        return DataError(f"{self.setting}{where}: {what}")


def read_table_file(path: str, setting: str) -> TableFile:
    """Read a table.

    Args:
        path: a .csv file (comma, semicolon or tab; UTF-8) or a .parquet file.
        setting: the key and value that name it, for messages.

    Raises:
        DataError: one line, for a file that cannot be read, has no rows, a column twice, or a row
            with more cells than columns.
    """
    file = Path(path).expanduser()
    if file.suffix.lower() not in SUFFIXES:
        raise DataError(f"{setting}: expected a .csv or .parquet file")
    if not file.is_file():
        raise DataError(f"{setting}: no such file")
    read = _read_csv if file.suffix.lower() == ".csv" else _read_parquet
    table = read(file, setting)
    if not table.numbers:
        raise table.wrong("it has no rows")
    return table


def _read_csv(file: Path, setting: str) -> TableFile:
    read = read_delimited(file, setting)
    _check_names(read.names, setting)
    for line in read.lines:
        if any(cell.strip() for cell in line.cells[len(read.names) :]):
            raise DataError(
                f"{setting}, line {line.number}: {len(line.cells)} values for {len(read.names)} "
                "columns; put values that contain the separator into double quotes"
            )
    width = len(read.names)
    rows = [(*line.cells, *[""] * width)[:width] for line in read.lines]
    cells = zip(*rows, strict=True) if rows else [()] * width
    columns = {
        name: [cell.strip() for cell in column]
        for name, column in zip(read.names, cells, strict=True)
        if name
    }
    return TableFile(setting, columns, [line.number for line in read.lines])


def _read_parquet(file: Path, setting: str) -> TableFile:
    try:
        table = pq.read_table(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{setting}: not a Parquet file ({reason})") from None
    names = [name.strip().casefold() for name in table.column_names]
    _check_names(names, setting)
    several = frozenset(
        name
        for name, field in zip(names, table.schema, strict=True)
        if any(kind in str(field.type) for kind in _PER_ROW)
    )
    columns = {
        name: [_text(value) for value in column.to_pylist()]
        for name, column in zip(names, table.columns, strict=True)
    }
    return TableFile(setting, columns, list(range(1, table.num_rows + 1)), "row", several)


def _check_names(names: list[str], setting: str) -> None:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{setting}: two columns are called {named(twice)}; rename one of them")


def _text(value: Any) -> str:
    """A cell of a Parquet file as text: whole numbers without a decimal point."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def rows_of(column: list[str]) -> Iterator[tuple[int, str]]:
    """The rows of a column that are not empty, with their positions."""
    return ((row, cell) for row, cell in enumerate(column) if cell)
