"""A published table as a CSV file, and what is wrong with its numbers.

Columns accuracy, precision, recall and f1, any of them and as people spell them (`columns`), and
n_test where tables differ in it; all other columns name the row. Separated by commas, semicolons or
tabs, with a decimal point or comma.
"""

from __future__ import annotations

import csv
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reports.published.columns import N_TEST, ColumnError, Columns, read_columns
from reports.published.consistency import (
    METRICS,
    Finding,
    Line,
    Printed,
    at_least,
    check,
    correct_count,
    possible_share,
    printed,
    repeated,
)

LARGEST_N = 1_000_000
_LONGEST_N = 30  # characters
MOST_COPIES = 20
"""The largest multiple of n that is tried where n does not fit."""
_ABSENT = {"", "-", "\u2013", "\u2014", "n/a", "na", "nan"}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)\s*%?")
_WHOLE = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?")  # pandas writes 66.0 beside a gap
_SEPARATORS = (",", ";", "\t")
_SURE = 0.01  # a multiple is named if chance would let as many rows fit less often than this

Row = dict[str, str]


class TableError(ValueError):
    """A file that cannot be checked, told in one line."""


@dataclass(frozen=True)
class Teeth:
    """How much the check of counts can find: few possible values, strong evidence."""

    n_test: int
    digits: int
    share: float  # of the printable values, those possible with n_test
    rows: int
    impossible: int


@dataclass(frozen=True)
class Copies:
    """One multiple of n that fits rows which n does not."""

    factor: int
    fits: int
    of: int  # impossible rows
    expected: float  # of them that would fit by chance
    probability: float  # that as many fit by chance, of any factor tried


@dataclass(frozen=True)
class Audit:
    """All rows of a table with what is said about them."""

    lines: tuple[Line, ...]
    teeth: tuple[Teeth, ...]
    copies: Copies | None
    notes: tuple[str, ...] = ()  # what was not checked

    @property
    def findings(self) -> int:
        """Rows with at least one finding."""
        return sum(bool(line.findings) for line in self.lines)


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
        weighted: averages over classes are weighted by class size.
        percent: the numbers are percent (True), shares (False), or (None) whichever most look like.

    Raises TableError for a file that is not such a table.
    """
    columns, rows = _read(path)
    own = [_renamed(row, columns) for row in rows]
    weighted_recall = weighted and columns.recall_is_accuracy
    audit = audit_rows(
        own, n_test, weighted=weighted_recall, percent=percent, most_copies=most_copies
    )
    return replace(audit, notes=tuple(_notes(columns, rows, weighted)))


def audit_rows(
    rows: Sequence[Mapping[str, str]],
    n_test: int | None = None,
    *,
    weighted: bool = True,
    percent: bool | None = None,
    most_copies: int = MOST_COPIES,
) -> Audit:
    """The same for rows of text, as csv.DictReader gives them."""
    texts = [_texts(number, row) for number, row in enumerate(rows, start=1)]
    if percent is None:
        percent = _looks_like_percent(texts)
    metrics = [_metrics(own, _decimals(texts, percent), percent) for own in texts]
    sizes = [_n_test(number, row, n_test) for number, row in enumerate(rows, start=1)]

    def checked(factors: Sequence[int]) -> list[Line]:
        return [
            check(number, _label(row), own, n, weighted, factors)
            for number, (row, own, n) in enumerate(zip(rows, metrics, sizes, strict=True), start=1)
        ]

    factors = list(range(2, most_copies + 1))
    copies = _copies(checked([]), factors)
    lines = checked([copies.factor, *factors] if copies else factors)
    return Audit(tuple(_with_repeated(lines)), tuple(_teeth(lines)), copies)


def _read(path: Path) -> tuple[Columns, list[Row]]:
    """The columns and the rows, under the headers as they stand there."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        first = next((line for line in lines if line.strip()), "")
        separator = max(_SEPARATORS, key=first.count)
        table = [row for row in csv.reader(lines, delimiter=separator) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a CSV file in UTF-8"
        raise TableError(f"table '{path}': cannot be read ({reason})") from None
    headers = [name.strip() for name in table[0]] if table else []
    try:
        columns = read_columns(headers)
    except ColumnError as error:
        raise TableError(f"table '{path}': {error}") from None
    if not set(METRICS) & set(columns.names):
        raise TableError(
            f"table '{path}': has columns {', '.join(headers) or 'none'}; expected one or more of "
            f"{', '.join(METRICS)}, separated by commas, semicolons or tabs"
        )
    if len(table) < 2:
        raise TableError(f"table '{path}': has a header and no rows")
    return columns, [_row(n, row, headers) for n, row in enumerate(table[1:], start=1)]


def _row(number: int, cells: Sequence[str], headers: Sequence[str]) -> Row:
    if any(map(str.strip, cells[len(headers) :])):
        raise TableError(
            f"row {number}: {len(cells)} values under {len(headers)} columns; quote those with a "
            "comma in them, or separate all by semicolons"
        )
    return dict(zip(headers, [*cells, *[""] * (len(headers) - len(cells))], strict=False))


def _renamed(row: Row, columns: Columns) -> Row:
    """The row with the metrics' own names, and a % sign where only the header has one."""
    own = {header: row[header] for header in columns.others}
    for name, header in columns.names.items():
        text = row[header].strip()
        is_bare = name in columns.in_percent and text.lower() not in _ABSENT and text[-1] != "%"
        own[name] = f"{text}%" if is_bare else text
    return own


def _notes(columns: Columns, rows: Sequence[Row], weighted: bool) -> Iterator[str]:
    if weighted and not columns.recall_is_accuracy:
        header = columns.names["recall"]
        yield f"'{header}' is not compared with the accuracy: it is no recall weighted by size"
    if unchecked := columns.unchecked(rows):
        yield f"not checked: {', '.join(unchecked)}"


def _texts(number: int, row: Mapping[str, str]) -> dict[str, str]:
    """The row's metrics as text, absent ones left out."""
    found = {}
    for name in METRICS:
        text = (row.get(name) or "").strip()
        if text.lower() in _ABSENT:
            continue
        if not _NUMBER.fullmatch(text):
            raise TableError(
                f"row {number}, {name} '{text}': expected a number such as 0.9663 or 96.63"
            )
        found[name] = "".join(text.split()).replace(",", ".")
    return found


def _looks_like_percent(texts: Sequence[Mapping[str, str]]) -> bool:
    """Whether the numbers without a % sign are percent too."""
    values = [float(text) for row in texts for text in row.values() if text[-1] != "%"]
    return bool(values) and statistics.median(values) > 1


def _decimals(texts: Sequence[Mapping[str, str]], percent: bool) -> dict[tuple[str, bool], int]:
    """The most that any value of a column in this unit has: spreadsheets drop zeros at the end."""
    most: dict[tuple[str, bool], int] = {}
    for row in texts:
        for name, text in row.items():
            unit = name, percent or text[-1] == "%"
            most[unit] = max(most.get(unit, 0), len(text.rstrip("%").partition(".")[2]))
    return most


def _metrics(
    texts: Mapping[str, str], decimals: Mapping[tuple[str, bool], int], percent: bool
) -> dict[str, Printed]:
    found = {}
    for name, text in texts.items():
        in_percent = percent or text[-1] == "%"
        value = printed(text.rstrip("%"), decimals[name, in_percent], in_percent)
        found[name] = replace(value, text=text)
    return found


def _n_test(number: int, row: Mapping[str, str], default: int | None) -> int | None:
    text = (row.get(N_TEST) or "").strip()
    if text.lower() in _ABSENT:
        return default
    whole = _WHOLE.fullmatch(text)
    n_test = int(whole[1].replace(",", "")) if whole and len(text) <= _LONGEST_N else 0
    if not 1 <= n_test <= LARGEST_N:
        raise TableError(
            f"row {number}, n_test '{text}': expected a whole number, 1 to {LARGEST_N}"
        )
    return n_test


def _label(row: Mapping[str, str]) -> str:
    named = (value.strip() for key, value in row.items() if key not in (*METRICS, N_TEST))
    return " ".join(value for value in named if value)


def _with_repeated(lines: list[Line]) -> list[Line]:
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


def _teeth(lines: Sequence[Line]) -> Iterator[Teeth]:
    groups: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        if line.accuracy and line.n_test:
            groups.setdefault((line.n_test, line.accuracy.digits), []).append(line)
    for (n, digits), members in sorted(groups.items()):
        impossible = sum(line.count is None for line in members)
        yield Teeth(n, digits, possible_share(n, digits), len(members), impossible)


def _copies(lines: Sequence[Line], factors: Sequence[int]) -> Copies | None:
    """The multiple that explains most of the impossible rows, if chance hardly would.

    The probability is Bonferroni's, over the factors. A row outside 0..1 fits nothing: left out.
    """
    wrong = [
        (line.accuracy, line.n_test)
        for line in lines
        if line.accuracy and line.n_test and line.count is None and 0 <= line.accuracy.value <= 1
    ]
    best: Copies | None = None
    for factor in factors if wrong else ():
        fits = sum(correct_count(value, factor * n) is not None for value, n in wrong)
        chances = [possible_share(factor * n, value.digits) for value, n in wrong]
        probability = min(1.0, at_least(fits, chances) * len(factors))
        if probability < (best.probability if best else _SURE):
            best = Copies(factor, fits, len(wrong), sum(chances), probability)
    return best
