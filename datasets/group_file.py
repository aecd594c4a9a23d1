"""The user's CSV file of which images belong together: columns path and group.

Separated by commas, semicolons or tabs; the columns' names in any case.
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
    """The groups of images by path as in the manifest, and what is to be said of the file."""

    groups: dict[str, str]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class _Listed:
    line: int
    path: str
    group: str


def is_group_file(group_by: str) -> bool:
    """Whether a setting names a CSV file."""
    return group_by.lower().endswith(".csv")


def read_group_file(name: str, paths: Iterable[str], root: str) -> GroupFile:
    """The groups that a CSV file gives.

    Args:
        name: the file.
        paths: of all files in the data, relative to `root`.
        root: the folder that the CSV's paths are relative to, if not to its own.

    Returns:
        A remark counts the listed files that are not in the data.

    Raises:
        DataError: no such file, not CSV, a missing column, an image in two groups, or not one of
            the listed files is in the data.
    """
    where, setting = Path(name).expanduser(), f"data.group_by={name!r}"
    known = _Paths(paths)
    groups: dict[str, str] = {}
    missing: list[_Listed] = []
    listed = _rows(where, setting)
    for row in listed:
        found = _known_path(row.path, where.parent, Path(root), known)
        if found is None:
            missing.append(row)
        elif groups.setdefault(found, row.group) != row.group:
            raise DataError(
                f"{setting}, line {row.line}: {row.path!r} is in two groups, {groups[found]!r} and "
                f"{row.group!r}; keep one"
            )
    return GroupFile(groups, _missing(setting, missing, len(listed)))


def _missing(setting: str, missing: list[_Listed], listed: int) -> tuple[Remark, ...]:
    if not missing:
        return ()
    first = f"{missing[0].path!r} in line {missing[0].line}"
    way_out = "give paths relative to data.path or to the CSV file's folder"
    if len(missing) == listed:
        raise DataError(
            f"{setting}: none of the {listed} files that it lists is in the data (the first is "
            f"{first}); {way_out}"
        )
    are = "is" if len(missing) == 1 else "are"
    text = f"{setting}: {len(missing)} of the {listed} files that it lists {are} not in the data"
    if len(missing) > 1:
        first = f"the first is {first}"
    advice = "correct or remove the lines of the group file whose images are not in the data"
    return (Remark("group_file", f"{text} ({first})", advice),)


def _rows(where: Path, setting: str) -> list[_Listed]:
    """The rows that have a group."""
    try:
        lines = where.read_text(encoding="utf-8-sig").splitlines(keepends=True)
        first = 1
        separators: Iterable[str] = _SEPARATORS
        if lines and (told := _SEP_LINE.fullmatch(lines[0])):
            lines, first, separators = lines[1:], 2, told[1]
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
            rows.append(_Listed(line, cells[path].strip(), composed(cells[group])))
    except OSError as error:
        raise DataError(f"{setting}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{setting}: not a CSV file in UTF-8 ({error})") from None
    return [row for row in rows if row.group]


class _Paths:
    """The manifest's paths, found by any Unicode form: file systems differ in how they store é."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact = set(paths)
        self._composed: dict[str, list[str]] = {}
        for path in sorted(self._exact):
            self._composed.setdefault(composed(path), []).append(path)

    def find(self, path: str) -> str | None:
        """The manifest's spelling; None for an unknown path, and one that fits several files."""
        if path in self._exact:
            return path
        alike = self._composed.get(composed(path), [])
        return alike[0] if len(alike) == 1 else None


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _known_path(path: str, beside: Path, root: Path, known: _Paths) -> str | None:
    """The manifest's spelling of a path, taken from the root or from the CSV's folder."""
    plain = Path(path.replace("\\", "/")).as_posix()
    if found := known.find(plain):
        return found
    for base in (beside, root):
        try:
            relative = (base / plain).resolve().relative_to(root.resolve()).as_posix()
        except (ValueError, OSError):  # elsewhere
            continue
        if found := known.find(relative):
            return found
    return None
