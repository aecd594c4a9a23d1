"""List the images of a folder with the classes that a table gives them.

The folders' names mean nothing, but that train/, val/ and test/ at the top are the parts of a split
where the table has no column split.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from datasets.decoding.decode import read_file
from datasets.errors import DataError
from datasets.labels.label_table import LabelTable, read_label_table
from datasets.layout.class_names import spelled_alike
from datasets.layout.folder_names import mask_files, named, part_of_layer
from datasets.layout.masks import mask_folders, mask_folders_inside
from datasets.layout.remarks import Remark, images
from datasets.layout.tool_folders import written_by_a_tool
from datasets.layout.tree import Listing, Tree
from datasets.listed_paths import ListedPaths
from datasets.sources import Contents, ImageFile, Known, checked_tree

STOP, LEAVE_OUT = "stop", "leave_out"
_WAY_OUT = "set data.labels_unmatched=leave_out"


def read_labelled_folder(
    root: str,
    labels: str,
    *,
    label: str | None = None,
    unmatched: str = STOP,
    called: str | None = None,
    setting: str | None = None,
    follow_links: bool = False,
    own: Sequence[str] = (),
) -> Contents:
    """List the images below `root` that a table labels.

    Args:
        root: the folder, which the table's paths are relative to, or else to its own folder.
        labels, label, setting: as for `read_label_table`.
        unmatched: `stop` or `leave_out`: images without a row or label, and rows without an image.
        called, follow_links, own: as for `sources.read_folder`.

    Raises:
        DataError: one line: no such folder; as `read_label_table`; an image in two rows; an image
            without a row, a row without a label or without an image, unless they are left out.
    """
    table = read_label_table(labels, label, setting)
    tree = checked_tree(root, called or root, follow_links)
    files = _find_files(tree, own)
    return _Matching(table, tree, files, Path(labels).expanduser(), unmatched).contents()


@dataclass
class _Files:
    """The image files of a tree, by path with the reason why one must not be read, and the rest."""

    images: dict[str, str] = field(default_factory=dict)
    masks: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)


def _find_files(tree: Tree, own: Sequence[str]) -> _Files:
    found = _Files()
    seen: set[str] = set()
    masked: set[Path] = set()

    def skipped(folder: Path, listing: Listing) -> list[str]:
        return [
            name
            for name in listing.folders
            if tree.real(folder / name) in own or written_by_a_tool(tree, folder / name)
        ]

    for at, listing in tree.walk(tree.top, seen, skipped):
        if listing.problem:
            text = f"{tree.relative(at)}/ left out: {listing.problem}"
            found.problems.append(Remark("folder", text, "make the folder readable or remove it"))
        below = {*mask_folders(tree, at, listing.folders), *mask_folders_inside(listing)}
        masked |= {at / name for name in (listing.folders if at in masked else below)}
        masks = set(listing.images) if at in masked else mask_files(listing.images)
        for name, problem in listing.images.items():
            kind = found.masks if name in masks else found.images
            kind[tree.relative(at / name)] = problem
        found.others += [str(at / name) for name in listing.others]
    return found


@dataclass
class _Matching:
    table: LabelTable
    tree: Tree
    files: _Files
    file: Path
    unmatched: str

    def contents(self) -> Contents:
        row_of = self._rows()
        strangers = self._strangers(row_of)
        unlabelled = [row for row in row_of.values() if not self.table.labels[row]]
        unlisted = [path for path in self.files.images if path not in row_of]
        if self.unmatched == STOP:
            self._refuse(strangers, unlabelled, unlisted)
        kept = {path: row for path, row in sorted(row_of.items()) if self.table.labels[row]}
        if not kept:
            raise self._none_found(strangers)
        own_table = str(self.file.resolve())
        others = [name for name in self.files.others if self.tree.real(Path(name)) != own_table]
        return Contents(
            [self._image(path, row) for path, row in kept.items()],
            [Path(name).name for name in others],
            [
                *self.files.problems,
                *self._left_out(strangers, unlabelled, unlisted),
                *self._class_remarks(),
            ],
            self._known(kept),
        )

    # --- which row is whose --------------------------------------------------------------------

    def _rows(self) -> dict[str, int]:
        """The row of each image file."""
        row_of: dict[str, int] = {}
        for row, paths in enumerate(self._found):
            for path in paths:
                earlier = row_of.setdefault(path, row)
                if earlier != row and not self._is_same_content(earlier, row):
                    raise self._twice(path, earlier, row)
        return row_of

    @property
    def _found(self) -> Iterator[list[str]]:
        """The files that each row names: several only where they have the same content."""
        if self.table.by_content:
            files = self._by_content()
            yield from (files.get(image, []) for image in self.table.images)
            return
        root, beside = self.tree.top, self.file.resolve().parent
        kinds = [ListedPaths(one, root, beside) for one in (self.files.images, self.files.masks)]
        for row, image in enumerate(self.table.images):
            found = next(filter(None, (self._find(kind, image, row) for kind in kinds)), None)
            yield [found] if found else []

    def _find(self, paths: ListedPaths, image: str, row: int) -> str | None:
        if found := paths.find(image):
            return found
        alike = paths.named(image) if PurePosixPath(image.replace("\\", "/")).name == image else []
        if len(alike) > 1:
            raise self.table.file.wrong(
                f"{image!r} may be any of {named(map(repr, alike), 3)}; give the path", row
            )
        return alike[0] if alike else None

    def _by_content(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, problem in self.files.images.items():
            with suppress(DataError):
                if not problem:
                    data = read_file(self.tree.top / path)
                    found.setdefault(hashlib.sha256(data).hexdigest(), []).append(path)
        return found

    def _is_same_content(self, earlier: int, row: int) -> bool:
        """Whether two rows agree on files that are byte for byte the same."""
        labels = self.table.labels
        return self.table.by_content and labels[earlier] == labels[row]

    def _twice(self, path: str, earlier: int, row: int) -> DataError:
        file, labels = self.table.file, self.table.labels
        if labels[earlier] == labels[row]:
            return file.wrong(f"{path!r} is also in {file.at(earlier)}; keep one", row)
        return file.wrong(
            f"{path!r} has the label {labels[row]!r} here and {labels[earlier]!r} in "
            f"{file.at(earlier)}: an image has one class here, multi-label data is not supported; "
            "keep one row, or choose another column by data.label",
            row,
        )

    def _strangers(self, row_of: dict[str, int]) -> list[int]:
        """The rows whose image is not in the folder."""
        matched = set(row_of.values())
        if self.table.by_content:
            known = {self.table.images[row] for row in matched}
            return [row for row, image in enumerate(self.table.images) if image not in known]
        return [row for row in range(len(self.table.images)) if row not in matched]

    # --- what does not match --------------------------------------------------------------------

    def _refuse(self, strangers: list[int], unlabelled: list[int], unlisted: list[str]) -> None:
        if strangers:
            raise self._unknown(strangers)
        file, count = self.table.file, len(self.files.images)
        if unlabelled:
            image = self.table.images[unlabelled[0]]
            raise file.wrong(
                f"{image!r} has no label ({len(unlabelled)} of {len(file.numbers)} rows have none);"
                f" fill it in, or {_WAY_OUT}",
                unlabelled[0],
            )
        if unlisted:
            first = f"{min(unlisted)!r}"
            are, they = ("is", "the image") if len(unlisted) == 1 else ("are", "the images")
            raise file.wrong(
                f"{len(unlisted)} of {count} images {are} not in it (the first is {first}); add a "
                f"row for each, move {they} away, or {_WAY_OUT}"
            )

    def _unknown(self, strangers: list[int]) -> DataError:
        file = self.table.file
        first = f"{self.table.images[strangers[0]]!r} in {file.at(strangers[0])}"
        rule = (
            "images are identified by their content, so use the files that it was made from"
            if self.table.by_content
            else "give file names, or paths relative to data.path or to the table's folder"
        )
        return file.wrong(
            f"{len(strangers)} of its {len(file.numbers)} images are not in the folder (the first "
            f"is {first}); {rule}, or {_WAY_OUT}"
        )

    def _none_found(self, strangers: list[int]) -> DataError:
        if len(strangers) == len(self.table.images):
            error = str(self._unknown(strangers))
            return DataError(error.removesuffix(f", or {_WAY_OUT}"))
        return self.table.file.wrong("none of its images has a label; fill in the labels")

    def _left_out(
        self, strangers: list[int], unlabelled: list[int], unlisted: list[str]
    ) -> Iterator[Remark]:
        """Remarks on what `leave_out` leaves out, and on masks."""
        setting = self.table.file.setting
        if strangers:
            yield Remark("labels", f"{setting}: {_rows(len(strangers))} without an image")
        if unlabelled:
            yield Remark("labels", f"{setting}: {images(len(unlabelled))} without a label")
        if unlisted:
            yield Remark("labels", f"{setting}: {images(len(unlisted))} without a row")
        if self.files.masks:
            first = named(sorted(self.files.masks), 2)
            yield Remark("labels", f"{images(len(self.files.masks))} as masks of others ({first})")

    # --- what is known of the images -------------------------------------------------------------

    def _image(self, path: str, row: int) -> ImageFile:
        layer = part_of_layer(PurePosixPath(path).parts[0]) if "/" in path else None
        part = (layer or "") if self.table.parts is None else self.table.parts[row]
        return ImageFile(path, self.table.labels[row], part, self._problem(path))

    def _problem(self, path: str) -> str:
        return self.files.images.get(path) or self.files.masks.get(path, "")

    def _known(self, kept: dict[str, int]) -> Known:
        rows, groups = list(kept.values()), self.table.groups
        columns = {name: [cells[row] for row in rows] for name, cells in self.table.further.items()}
        return Known(
            groups=None if groups is None else {path: groups[row] for path, row in kept.items()},
            metadata=pd.DataFrame(columns, index=list(kept), dtype=object),
        )

    def _class_remarks(self) -> Iterator[Remark]:
        counts = Counter(label for label in self.table.labels if label)
        for alike in spelled_alike(counts):
            quoted = named(repr(name) for name in alike)
            yield Remark(
                "alike_names",
                f"the labels {quoted} differ only in case, spaces, underscores or hyphens: taken "
                "for separate classes",
                f"if {quoted} are one class, spell them alike in the table",
            )
        if len(counts) == 1:
            yield Remark(
                "one_class",
                f"all labels of the table are {next(iter(counts))!r}",
                "choose the column of the labels by data.label: a classifier needs at least two "
                "classes",
            )


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
