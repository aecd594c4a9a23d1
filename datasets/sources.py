"""A folder of class folders -> the list of its image files, and what is left out of it.

Names and first bytes are read, pixels never. Which folders are classes and which are layers of a
split, patients or masks, `datasets.layout.structure` says; layers are merged, because the splits
are made here, not by whoever made the folders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pandas as pd

from datasets.errors import DataError
from datasets.layout.archives import archive_problem
from datasets.layout.class_names import classes_of, same_on_screen, spelled_alike
from datasets.layout.folder_names import mask_files, named
from datasets.layout.levels import ClassFolder, Structure, labels_hint
from datasets.layout.masks import mask_folders_inside
from datasets.layout.remarks import Remark, images, others_remarks
from datasets.layout.structure import find_structure
from datasets.layout.tree import Listing, Tree

_NO_FOLDER = "not a folder; give a folder of class folders, or a zip of them"


@dataclass(frozen=True)
class ImageFile:
    """One image file: `path` relative to the root (posix), its class, and its layer or "".

    `problem` says why it must not be read, "" for most. Where a name is not Unicode, `path` has its
    odd bytes written out.
    """

    path: str
    class_name: str
    origin: str
    problem: str = ""


@dataclass(frozen=True)
class Known:
    """What a table says of the images, by path.

    `groups`: the group of each image, "" for none; None if the table has no column group.
    `metadata`: the table's further columns as text, "" where there is none.
    """

    groups: Mapping[str, str] | None = None
    metadata: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Contents:
    """The image files of a folder, sorted by path, what is left out, and what was noticed."""

    files: list[ImageFile]
    others: list[str] = field(default_factory=list)  # names of files that are no images
    noticed: list[Remark] = field(default_factory=list)
    known: Known = field(default_factory=Known)  # what a table of labels says

    @property
    def remarks(self) -> list[Remark]:
        """What was noticed, and what is left out."""
        return [*self.noticed, *others_remarks(self.others)]


def list_folder(root: str, called: str | None = None) -> list[ImageFile]:
    """The files of `read_folder`."""
    return read_folder(root, called).files


def read_folder(
    root: str, called: str | None = None, *, follow_links: bool = False, own: Sequence[str] = ()
) -> Contents:
    """List the image files below `root`, a local folder, by class and layer.

    Folders below a class folder are walked; masks among the images are left out. Hidden files and
    what systems leave behind (Thumbs.db, __MACOSX) are ignored. A file whose extension does not say
    what it is is recognised by its first bytes. Links are followed inside `root`, each folder once
    a class. A link that leads out of it, a folder that cannot be listed, a name that is not Unicode
    and a format that is not read are in the list with their `problem`; everything else that is left
    out is counted in the remarks.

    Args:
        root: the folder.
        called: how the user knows it, if not by its path.
        follow_links: read what links out of `root` lead to.
        own: real paths of folders to leave out, since this tool writes to them.

    Raises:
        DataError: no such folder, not a folder, a class without an image, or no structure that
            `find_structure` takes.
    """
    called = called or root
    tree = checked_tree(root, called, follow_links)
    return _Reading(tree, find_structure(tree, called, own)).contents(called)


def checked_tree(root: str, called: str, follow_links: bool) -> Tree:
    """The tree of a folder. Raises DataError if there is none or it cannot be listed."""
    tree = Tree(root, follow_links)
    if not tree.top.exists():
        raise DataError(f"data.path={called!r}: no such folder; give a folder of class folders")
    if not tree.top.is_dir():
        problem = archive_problem(tree.top) or _NO_FOLDER
        raise DataError(f"data.path={called!r}: {problem}")
    if problem := tree.listing(tree.top).problem.removeprefix("a folder that "):
        raise DataError(f"data.path={called!r}: {problem}")
    return tree


class _Reading:
    def __init__(self, tree: Tree, structure: Structure) -> None:
        self.tree, self.structure = tree, structure
        self.files: list[ImageFile] = []
        self.others: list[str] = []
        self.masks: list[str] = []
        self._masks_read: set[str] = set()

    def contents(self, called: str) -> Contents:
        classes = self._classes()
        walked: dict[str, set[str]] = {}  # the folders seen, per class: links may form a loop
        for folder, class_name in classes:
            self._read_class(folder, class_name, walked.setdefault(class_name, set()))
        empty = sorted({name for _, name in classes} - {file.class_name for file in self.files})
        if empty:
            what = "class folder" if len(empty) == 1 else "class folders"
            raise DataError(
                f"data.path={called!r}: {what} without an image: {named(empty)}; add images or "
                f"remove the {what.removeprefix('class ')}"
            )
        stray = self._read_beside()
        noticed = [
            *self.structure.remarks,
            *self._class_remarks(classes),
            *self._stray_remarks(stray),
            *self._mask_remarks(),
        ]
        return Contents(sorted(self.files, key=lambda file: file.path), self.others, noticed)

    def _classes(self) -> list[tuple[ClassFolder, str]]:
        """Each class folder with its class."""
        found = []
        names = classes_of([list(dict.fromkeys(one.name for one in own)) for own in self._levels()])
        for own, classes in zip(self._levels(), names, strict=True):
            class_of = dict(zip(dict.fromkeys(one.name for one in own), classes, strict=True))
            found += [(folder, class_of[folder.name]) for folder in own]
        return found

    def _levels(self) -> list[list[ClassFolder]]:
        """The class folders, those beside each other together."""
        return [list(own) for _, own in groupby(self.structure.classes, lambda one: one.level)]

    def _read_class(self, folder: ClassFolder, class_name: str, seen: set[str]) -> None:
        for at, listing in self.tree.walk(folder.path, seen, self._not_of_the_class):
            masks = mask_files(listing.images)
            found = {at / name: why for name, why in listing.images.items() if name not in masks}
            if listing.problem:
                found[at] = listing.problem
            self.files += [
                ImageFile(self.tree.relative(path), class_name, folder.layer, problem)
                for path, problem in found.items()
            ]
            self.others += listing.others
            self.masks += [self.tree.relative(at / name) for name in masks]
            for name in mask_folders_inside(listing):
                self._read_masks(at / name)

    def _not_of_the_class(self, folder: Path, listing: Listing) -> list[str]:
        own = [name for name in listing.folders if folder / name in self.structure.own]
        return own + mask_folders_inside(listing)

    def _read_masks(self, folder: Path) -> None:
        for at, listing in self.tree.walk(folder, self._masks_read):
            self.masks += [self.tree.relative(at / name) for name in listing.images]
            self.others += listing.others

    def _read_beside(self) -> list[str]:
        """Count what lies outside of the class folders; returns the images there."""
        found = self.structure
        known = {*(one.path for one in found.classes), *found.beside, *found.masks, *found.own}
        stray = []
        for folder in dict.fromkeys(found.beside):
            listing = self.tree.listing(folder)
            self.others += listing.others
            stray += [self.tree.relative(folder / name) for name in listing.images]
            for unknown in {folder / name for name in listing.folders} - known:
                for _, below in self.tree.walk(unknown):
                    self.others += below.others
        for folder in found.masks:
            self._read_masks(folder)
        return stray

    # --- remarks --------------------------------------------------------------------------------

    def _class_remarks(self, classes: Sequence[tuple[ClassFolder, str]]) -> list[Remark]:
        names = sorted({name for _, name in classes})
        remarks = []
        for own in self._levels():
            for alike in same_on_screen({one.name for one in own}):
                text = (
                    f"{len(alike)} folders are called {alike[0]!r}, in different Unicode forms or "
                    "with different spaces: taken for one class"
                )
                remarks.append(Remark("same_name", text, f"make the folders {alike[0]!r} one"))
        for alike in spelled_alike(names):
            quoted = named(repr(name) for name in alike)
            text = (
                f"{quoted} differ only in case, spaces, underscores or hyphens: taken for "
                "separate classes"
            )
            remarks.append(
                Remark("alike_names", text, f"if {quoted} are one class, merge the folders")
            )
        if len(names) == 1:
            remarks.append(self._one_class(names[0]))
        return remarks

    def _one_class(self, name: str) -> Remark:
        hint = labels_hint(self.tree, [*self.structure.beside, self.structure.classes[0].path])
        text = f"all {images(len(self.files))} are of one class, {name!r}{hint}"
        advice = (
            "sort the images into one folder per class: a classifier needs at least two classes"
        )
        return Remark("one_class", text, advice)

    def _stray_remarks(self, stray: Sequence[str]) -> list[Remark]:
        if not stray:
            return []
        text = f"{images(len(stray))} outside of the class folders left out ({named(stray, 2)})"
        return [Remark("stray", text, "move the images outside of class folders into one, or away")]

    def _mask_remarks(self) -> list[Remark]:
        if not self.masks:
            return []
        first = named(sorted(self.masks), 2)
        text = f"{images(len(self.masks))} left out as masks of others ({first})"
        advice = "make sure that what is left out as masks are masks; rename those that are not"
        return [Remark("masks", text, advice)]
