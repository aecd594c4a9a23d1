"""Read the user's CSV file of image groups: columns path and group.

The separator is a comma, semicolon or tab; column names are case-insensitive.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import DataError
from datasets.layout.remarks import Remark

COLUMNS = ("path", "group")
_SEPARATORS = (",", ";", "\t")
_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?[\s,;]*", re.IGNORECASE)  # Excel's


@dataclass(frozen=True)
class GroupFile:
    """The group of each image, by manifest path, and remarks about the file."""

    groups: dict[str, str]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    group: str


def is_group_file(group_by: str) -> bool:
    """Whether `data.group_by` is the path of a CSV file."""
    return group_by.lower().endswith(".csv")


def read_group_file(name: str, paths: Iterable[str], root: str) -> GroupFile:
    """Read the groups from a CSV file.

    Args:
        name: the file.
        paths: all files in the data, relative to `root`.
        root: the folder that the CSV's paths are relative to, unless they are relative to the
            CSV file's folder.

    Returns:
        The groups, and a remark that counts the listed files missing from the data.

    Raises:
        DataError: no such file, not CSV, a missing column, an image in two groups, or none of the
            listed files is in the data.
    """
    file, setting = Path(name).expanduser(), f"data.group_by={name!r}"
    known = _Paths(paths)
    groups: dict[str, str] = {}
    missing: list[_Row] = []
    rows = _rows(file, setting)
    for row in rows:
        found = _known_path(row.path, file.parent, Path(root), known)
        if found is None:
            missing.append(row)
        elif groups.setdefault(found, row.group) != row.group:
            raise DataError(
                f"{setting}, line {row.line}: {row.path!r} is in two groups, {groups[found]!r} and "
                f"{row.group!r}; keep one"
            )
    return GroupFile(groups, _missing_remark(setting, missing, len(rows)))


def _missing_remark(setting: str, missing: list[_Row], listed: int) -> tuple[Remark, ...]:
    if not missing:
        return ()
    first = f"{missing[0].path!r} in line {missing[0].line}"
    way_out = "use paths relative to data.path or to the CSV file's folder"
    if len(missing) == listed:
        raise DataError(
            f"{setting}: none of its {listed} files is in the data (the first is {first}); "
            f"{way_out}"
        )
    are = "is" if len(missing) == 1 else "are"
    text = f"{setting}: {len(missing)} of its {listed} files {are} not in the data"
    if len(missing) > 1:
        first = f"the first is {first}"
    advice = "correct or remove the lines of the group file whose images are not in the data"
    return (Remark("group_file", f"{text} ({first})", advice),)


def _rows(file: Path, setting: str) -> list[_Row]:
    """The rows that have a group."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        first = 1
        separators: Iterable[str] = _SEPARATORS
        if lines and (declared := _SEP_LINE.fullmatch(lines[0])):
            lines, first, separators = lines[1:], 2, declared[1]
        header = lines[0] if lines else ""
        reader = csv.reader(lines, delimiter=max(separators, key=header.count), strict=True)
        names = [name.strip().casefold() for name in next(reader, [])]
        if missing := [name for name in COLUMNS if name not in names]:
            raise DataError(
                f"{setting}: no column {' and '.join(missing)}; expected path and group in the "
                "first line"
            )
        path, group = (names.index(name) for name in COLUMNS)
        rows = []
        for row in reader:
            cells = [*row, *[""] * len(names)]
            line = reader.line_num + first - 1
            rows.append(_Row(line, cells[path].strip(), composed(cells[group])))
    except OSError as error:
        raise DataError(f"{setting}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{setting}: not a CSV file in UTF-8 ({error})") from None
    return [row for row in rows if row.group]


class _Paths:
    """Look up manifest paths in any Unicode form: file systems differ in how they store é."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact = set(paths)
        self._composed: dict[str, list[str]] = {}
        for path in sorted(self._exact):
            self._composed.setdefault(composed(path), []).append(path)

    def find(self, path: str) -> str | None:
        """The manifest's spelling; None for an unknown or ambiguous path."""
        if path in self._exact:
            return path
        alike = self._composed.get(composed(path), [])
        return alike[0] if len(alike) == 1 else None


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _known_path(path: str, beside: Path, root: Path, known: _Paths) -> str | None:
    """The manifest's spelling of a path that is relative to the root or to the CSV's folder."""
    plain = Path(path.replace("\\", "/")).as_posix()
    if found := known.find(plain):
        return found
    for base in (beside, root):
        try:
            relative = (base / plain).resolve().relative_to(root.resolve()).as_posix()
        except (ValueError, OSError):  # outside the root
            continue
        if found := known.find(relative):
            return found
    return None
