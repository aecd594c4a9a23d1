"""The columns of a table of labels: image, label, group, split, and what else is known.

path | image_id | sha256 | ...   the image: see `_IMAGE`
label | class | `data.label`     its class
group, split                     optional
any other column                 metadata
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import DataError
from datasets.labels.table_file import TableFile, read_table_file, rows_of
from datasets.layout.class_names import tidy_name
from datasets.layout.folder_names import named, part_of_layer

_IMAGE = ("path", "file", "filename", "file_name", "image", "image_id", "sha256")
LABEL_COLUMNS = ("label", "class")
_GROUP, _SPLIT, _WEIGHT = "group", "split", "weight"
_CONTENT = re.compile(r"([0-9a-f]{64})(?:-\d+)?")  # the id of an image in a run's tables
_SEPARATORS = "|;,"


@dataclass(frozen=True)
class LabelTable:
    """A table of labels, its columns as lists with a text per row.

    Attributes:
        file: the table as it was read.
        images: the path, file name or content hash of the image.
        by_content: whether `images` are hashes of the files' bytes.
        labels: "" where there is none.
        groups, parts: "" where there is none; of `parts`, train | val | test. None without such a
            column.
        further: the other columns, by name.
    """

    file: TableFile
    images: list[str]
    by_content: bool
    labels: list[str]
    groups: list[str] | None
    parts: list[str] | None
    further: dict[str, list[str]]


def read_label_table(path: str, label: str | None = None, setting: str | None = None) -> LabelTable:
    """Read a table of labels.

    Args:
        path: a .csv or .parquet file.
        label: the column with the labels; None: `label` or `class`.
        setting: the key and value that name it, for messages; default: data.labels.

    Raises:
        DataError: one line: as `read_table_file`; a column that is missing or has several values
            a row; a column `weight`; an empty image; a split other than train, val and test.
    """
    file = read_table_file(path, setting or f"data.labels={path!r}")
    image, class_column = _image_column(file), _label_column(file, label)
    if _WEIGHT in file.columns:
        raise file.wrong(
            "column weight: images cannot be weighted in training; remove the column, or rename it "
            "if it describes the image (class_weights of a recipe weights classes)"
        )
    _refuse_several(file, class_column)
    images = file.columns[image]
    for row, cell in enumerate(images):
        if not cell:
            raise file.wrong(f"column {image} is empty; name the image, or remove the row", row)
    ids = [_CONTENT.fullmatch(cell) for cell in images]
    used = {image, class_column, _GROUP, _SPLIT, *_IMAGE}
    return LabelTable(
        file=file,
        images=[found[1] for found in ids if found] if all(ids) else images,
        by_content=all(ids),
        labels=[tidy_name(cell) for cell in file.columns[class_column]],
        groups=file.columns.get(_GROUP),
        parts=_parts(file),
        further={
            name: cells
            for name, cells in file.columns.items()
            if name not in used and name not in file.several
        },
    )


def check_label_column(columns: Sequence[str], setting: str, label: str | None) -> None:
    """Raise DataError as `read_label_table` does, if a table of these columns has no labels."""
    names = {name.strip().casefold(): [""] for name in columns}
    _label_column(TableFile(setting, names, [1], "row"), label)


def named_images(path: Path) -> list[Path]:
    """The image files that a table names, relative to its folder. Raises DataError."""
    file = read_table_file(str(path), f"image '{path}'")
    column = file.columns[_image_column(file)]
    return [path.parent / cell.replace("\\", "/") for _, cell in rows_of(column)]


def _image_column(file: TableFile) -> str:
    for name in _IMAGE:
        if name in file.columns:
            return name
    raise file.wrong(
        f"no column path; its columns are {named(file.columns, 8)}; call the one that names the "
        f"image path (or {', '.join(_IMAGE[1:-1])})"
    )


def _label_column(file: TableFile, wanted: str | None) -> str:
    if wanted is not None:
        name = wanted.strip().casefold()
        if name in file.columns:
            return name
        close = difflib.get_close_matches(name, list(file.columns), 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise DataError(
            f"data.label={wanted!r}{hint}: no such column in {file.setting}; its columns are "
            f"{named(file.columns, 8)}"
        )
    found = [name for name in LABEL_COLUMNS if name in file.columns]
    if len(found) == 1:
        return found[0]
    what = "two columns may hold the labels, label and class" if found else "no column label"
    raise file.wrong(f"{what}; choose one of {named(file.columns, 8)} by data.label")


def _refuse_several(file: TableFile, column: str) -> None:
    """Refuse cells with several labels: a list, or other rows' labels joined by a separator."""
    cells = file.columns[column]
    whole = set(cells)
    for row, cell in rows_of(cells):
        if column in file.several or (cell[0] == "[" and cell[-1] == "]"):
            raise file.wrong(several_labels(column, cell), row)
        for separator in _SEPARATORS:
            parts = [part.strip() for part in cell.split(separator)]
            if len(parts) > 1 and whole.issuperset(parts):
                raise file.wrong(several_labels(column, cell), row)


def several_labels(column: str, cell: str) -> str:
    """The message for an image with more than one label."""
    return (
        f"column {column} holds several labels ({cell!r}): an image has one class here, "
        "multi-label data is not supported; choose a column with one label by data.label"
    )


def _parts(file: TableFile) -> list[str] | None:
    if _SPLIT not in file.columns:
        return None
    cells: Sequence[str] = file.columns[_SPLIT]
    parts = [part_of_layer(cell) if cell else "" for cell in cells]
    for row, part in enumerate(parts):
        if part is None:
            raise file.wrong(f"split={cells[row]!r}: expected train, val or test", row)
    return [part or "" for part in parts]
