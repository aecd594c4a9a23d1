"""Read a published table from a CSV file and check its numbers.

Any of the columns accuracy, precision, recall and f1, in usual spellings (`columns`), and n_test if
rows differ in it; other text columns name the row. Unreadable cells are listed and skipped
(`numbers`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from reports.published.columns import N_TEST, Column, ColumnError, Columns, read_columns
from reports.published.consistency import METRICS, Finding, Line, Printed, check, repeated
from reports.published.evidence import Copies, Teeth, copies_of, teeth_of
from reports.published.numbers import ABSENT, Number, read_number
from reports.published.scales import Mixture, mixture_notes, mixture_of, printed_as, scale_of
from reports.published.table_text import TableError, read_table

LARGEST_N = 1_000_000
MOST_COPIES = 20
"""The largest multiple of n that is tried where n does not fit."""
_LONGEST_N = 30  # characters
_WHOLE = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?")  # pandas writes 66.0 beside a gap


@dataclass(frozen=True)
class Audit:
    """All rows of a table with their findings."""

    lines: tuple[Line, ...]
    teeth: tuple[Teeth, ...]
    copies: Copies | None
    notes: tuple[str, ...] = ()  # what was not checked, and how ambiguous numbers were read

    @property
    def findings(self) -> int:
        """Rows with at least one finding."""
        return sum(bool(line.findings) for line in self.lines)


@dataclass
class _Cells:
    """What is read of one row."""

    metrics: dict[str, Printed]
    n_test: int | None
    unread: list[str]


def audit_file(
    path: Path,
    n_test: int | None = None,
    *,
    weighted: bool = True,
    percent: bool | None = None,
    most_copies: int = MOST_COPIES,
) -> Audit:
    """Check the CSV file at `path`.

    Args:
        n_test: test rows, for rows without a value in the column n_test.
        weighted: averages over classes are weighted by class size where their header does not say
            how they are averaged; else macro.
        percent: bare numbers are percentages (True), fractions (False), or (None) each as it looks.

    Raises TableError for a file that is not such a table.
    """
    table = read_table(path)
    try:
        columns = read_columns(table.headers, "weighted" if weighted else "macro")
        audit = _audit(columns, table.rows, n_test, percent, most_copies)
    except (ColumnError, TableError) as error:
        raise TableError(f"table '{path}': {error}") from None
    title = [f"above the header, passed over: {table.title!r}"] if table.title else []
    return replace(audit, notes=(*title, *audit.notes))


def audit_rows(
    rows: Sequence[Mapping[str, str]],
    n_test: int | None = None,
    *,
    weighted: bool = True,
    percent: bool | None = None,
    most_copies: int = MOST_COPIES,
) -> Audit:
    """The same for rows of text, as csv.DictReader gives them."""
    headers = list(dict.fromkeys(header for row in rows for header in row))
    columns = read_columns(headers, "weighted" if weighted else "macro")
    return _audit(columns, rows, n_test, percent, most_copies)


def _audit(
    columns: Columns,
    rows: Sequence[Mapping[str, str]],
    n_test: int | None,
    percent: bool | None,
    most_copies: int,
) -> Audit:
    cells = [_Cells({}, *_n_test(row, columns, n_test)) for row in rows]
    mixtures = [
        _fill(cells, name, columns.of[name], rows, percent)
        for name in METRICS
        if name in columns.of
    ]
    if not any(own.metrics for own in cells):
        raise TableError(_nothing_read(columns, cells))
    numeric = columns.numeric(rows)
    labels = [_label(row, set(columns.others) - set(numeric)) for row in rows]

    def checked(factors: Sequence[int]) -> list[Line]:
        return [
            check(number, label, own.metrics, own.n_test, columns.rules, factors)
            for number, (label, own) in enumerate(zip(labels, cells, strict=True), start=1)
        ]

    factors = list(range(2, most_copies + 1))
    copies = copies_of(checked([]), factors)
    lines = _with_repeated(checked([copies.factor, *factors] if copies else factors))
    lines = [
        replace(line, unread=tuple(own.unread)) for line, own in zip(lines, cells, strict=True)
    ]
    notes = [*mixture_notes(mixtures), *columns.notes()]
    if unchecked := ", ".join(filter(None, numeric)):
        notes.append(f"not checked: {unchecked}")
    return Audit(tuple(lines), tuple(teeth_of(lines)), copies, tuple(notes))


def _label(row: Mapping[str, str], names: Set[str]) -> str:
    """The row's text under those headers."""
    return " ".join(value.strip() for name, value in row.items() if name in names and value.strip())


def _nothing_read(columns: Columns, cells: Sequence[_Cells]) -> str:
    names = ", ".join(f"'{column.header}'" for name, column in columns.of.items() if name != N_TEST)
    first = next((text for own in cells for text in own.unread), "all cells are empty")
    return f"no number can be read under {names}: {first}"


def _fill(
    cells: Sequence[_Cells],
    name: str,
    column: Column,
    rows: Sequence[Mapping[str, str]],
    percent: bool | None,
) -> Mixture:
    """Put the numbers of one metric into the cells of each row; returns what the column mixes."""
    numbers: dict[int, Number] = {}
    for index, row in enumerate(rows):
        text = (row.get(column.header) or "").strip()
        if text.lower() in ABSENT:
            continue
        if number := read_number(text):
            numbers[index] = replace(number, averaged=number.averaged or column.is_mean)
        else:
            cells[index].unread.append(f"{name} '{text}' cannot be read as a number")
    scale = scale_of(list(numbers.values()), percent, column.in_percent)
    for index, number in numbers.items():
        cells[index].metrics[name] = printed_as(number, scale)
        if name == "accuracy" and cells[index].n_test is None and not cells[index].unread:
            cells[index].n_test = number.of
    return mixture_of(name, list(numbers.values()), scale)


def _n_test(
    row: Mapping[str, str], columns: Columns, default: int | None
) -> tuple[int | None, list[str]]:
    """The size of the row's test set, and what cannot be read of it."""
    column = columns.of.get(N_TEST)
    text = (row.get(column.header) or "").strip() if column else ""
    if text.lower() in ABSENT:
        return default, []
    whole = _WHOLE.fullmatch(text)
    n_test = int(whole[1].replace(",", "")) if whole and len(text) <= _LONGEST_N else 0
    if 1 <= n_test <= LARGEST_N:
        return n_test, []
    return None, [f"n_test '{text}' is not a whole number from 1 to {LARGEST_N}"]


def _with_repeated(lines: Sequence[Line]) -> list[Line]:
    twins = repeated(lines)
    return [
        line
        if line.number not in twins
        else replace(
            line,
            findings=(
                *line.findings,
                Finding("repeated", f"the same numbers as row {twins[line.number]}"),
            ),
        )
        for line in lines
    ]
