"""Read the user's CSV file of image groups: columns path and group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datasets.delimited import read_delimited
from datasets.errors import DataError
from datasets.layout.remarks import Remark
from datasets.listed_paths import ListedPaths, composed

COLUMNS = ("path", "group")


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
    known = ListedPaths(paths, Path(root), file.parent)
    groups: dict[str, str] = {}
    missing: list[_Row] = []
    rows = _rows(file, setting)
    for row in rows:
        found = known.find(row.path)
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
    table = read_delimited(file, setting)
    if missing := [name for name in COLUMNS if name not in table.names]:
        raise DataError(
            f"{setting}: no column {' and '.join(missing)}; expected path and group in the "
            "first line"
        )
    path, group = (table.names.index(name) for name in COLUMNS)
    rows = []
    for line in table.lines:
        cells = [*line.cells, *[""] * len(table.names)]
        rows.append(_Row(line.number, cells[path].strip(), composed(cells[group])))
    return [row for row in rows if row.group]
