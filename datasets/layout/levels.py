"""List the folders of each level of a tree, without masks and folders written by tools."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.errors import DataError
from datasets.layout.masks import mask_folders
from datasets.layout.remarks import Remark
from datasets.layout.tool_folders import written_by_a_tool
from datasets.layout.tree import Tree

EXPECTED = "expected one folder per class: CLASS/image, or train/CLASS/image and test/CLASS/image"
_READ_TABLES = {".csv", ".parquet"}
_TABLES = _READ_TABLES | {".tsv", ".json", ".jsonl", ".xml", ".xls", ".xlsx"}  # may have labels


@dataclass(frozen=True)
class ClassFolder:
    """A folder of one class: its name, its layer or "", and the folder that contains it."""

    path: Path
    name: str
    layer: str
    level: Path


@dataclass
class Structure:
    """The class folders, remarks on the layout, and the folders outside the class folders.

    `beside`: the folders above the class folders, whose own files belong to no class. `masks`,
    `own`: sibling folders with masks, and those written by tools.
    """

    classes: list[ClassFolder] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    own: list[Path] = field(default_factory=list)


def labels_hint(tree: Tree, folders: Sequence[Path]) -> str:
    """A clause that names the first file in the folders that may contain labels, or ""."""
    for folder in dict.fromkeys(folders):
        for name in tree.listing(folder).others:
            shown, suffix = tree.relative(folder / name), Path(name).suffix.lower()
            if suffix in _READ_TABLES:
                return f" (for labels in a table, such as {shown}, set data.labels to its path)"
            if suffix in _TABLES:
                return f" (labels in a file, such as {shown}, are not read)"
    return ""


class Levels:
    """Lists the levels of a tree and collects its structure in `found`."""

    def __init__(self, tree: Tree, called: str, own: Sequence[str]) -> None:
        self.tree, self.called, self.own = tree, called, own
        self.found = Structure()
        self._known: dict[Path, list[str]] = {}

    def folders(self, folder: Path) -> list[str]:
        """The folders in a folder, without masks and folders written by tools."""
        if folder not in self._known:
            names = [
                name for name in self.tree.listing(folder).folders if self._is_kept(folder / name)
            ]
            masks = mask_folders(self.tree, folder, names)
            self.found.masks += [folder / name for name in masks]
            self._known[folder] = [name for name in names if name not in masks]
        return self._known[folder]

    def _is_kept(self, folder: Path) -> bool:
        is_written_to = self.tree.real(folder) in self.own
        kind = "this run writes to it" if is_written_to else written_by_a_tool(self.tree, folder)
        if kind:
            self.remark("own_folder", f"{self.shown(folder)} ({kind})")
            self.found.own.append(folder)
        return not kind

    def pictured(self, folder: Path) -> list[str]:
        """The folders in a folder that contain images."""
        return [name for name in self.folders(folder) if self.tree.has_images(folder / name)]

    def is_loop(self, folder: Path, level: Path) -> bool:
        """Whether a folder of a level is a link to one of the folders above it."""
        above = {self.tree.real(parent) for parent in (*self.found.beside, level)}
        return self.tree.real(folder) in above

    def remark(self, kind: str, text: str, advice: str = "") -> None:
        self.found.remarks.append(Remark(kind, text, advice))

    def refused(self, why: str) -> DataError:
        return DataError(f"data.path={self.called!r}: {why}")

    def refused_copy(self, folder: Path) -> DataError:
        return self.refused(
            f"{self.shown(folder)} contains its sibling folders again: two copies of the data; "
            f"remove one of them, or set data.path to {self.shown(folder)} itself"
        )

    def shown(self, folder: Path) -> str:
        return self.tree.relative(folder) + "/"
