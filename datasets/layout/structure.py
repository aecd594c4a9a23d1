"""Where the class folders are: the structure of a folder of images, by the names in it.

    root/<class>/**/image                                flat
    root/train/<class>/... root/test/<class>/...         layered; fold1/, fold2/ too
    root/<class>/train/... root/<class>/test/...         layered below the classes
    root/patient01/<class>/...                           patients above the classes
    root/wrapper/ or root/images/ and any of these

What is certain is taken as it is meant, with a remark; what is not is refused in one line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.errors import DataError
from datasets.layout.class_names import tidy_name
from datasets.layout.folder_names import (
    FOLD,
    TEST,
    TRAIN,
    VAL,
    is_image_folder,
    is_mask_folder,
    layer_of,
    named,
)
from datasets.layout.masks import mask_folders
from datasets.layout.meanings import copy_inside, hold_classes, hold_parts, shared_folders
from datasets.layout.remarks import Remark, images
from datasets.layout.tool_folders import written_by_a_tool
from datasets.layout.tree import Tree

_TABLES = {".csv", ".tsv", ".json", ".jsonl", ".xml", ".xls", ".xlsx"}  # where labels may be
_EXPECTED = "expected one folder per class: CLASS/image, or train/CLASS/image and test/CLASS/image"


@dataclass(frozen=True)
class ClassFolder:
    """A folder of one class: what it is called, its layer or "", and the folder of its like."""

    path: Path
    name: str
    layer: str
    level: Path


@dataclass
class Structure:
    """The class folders, what was noticed on the way to them, and what lies outside of them.

    `beside`: the folders above the class folders, whose own files belong to no class. `masks`,
    `own`: folders beside them that hold masks, and that this tool has written.
    """

    classes: list[ClassFolder] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)
    masks: list[Path] = field(default_factory=list)
    own: list[Path] = field(default_factory=list)


def find_structure(tree: Tree, called: str, own: Sequence[str] = ()) -> Structure:
    """Find the class folders of a tree.

    Args:
        tree: the folder.
        called: how the user knows it, for messages.
        own: real paths of folders that this tool writes to.

    Raises:
        DataError: no class folder, images directly in the parts of a split, or folders whose
            meaning is uncertain.
    """
    return _Reader(tree, called, own).read()


def labels_hint(tree: Tree, folders: Sequence[Path]) -> str:
    """The first file in the folders that may be a table of labels, as a clause, or ""."""
    for folder in dict.fromkeys(folders):
        for name in tree.listing(folder).others:
            if Path(name).suffix.lower() in _TABLES:
                return f" (labels in a file, such as {tree.relative(folder / name)}, are not read)"
    return ""


class _Reader:
    def __init__(self, tree: Tree, called: str, own: Sequence[str]) -> None:
        self.tree, self.called, self.own = tree, called, own
        self.found = Structure()
        self._known: dict[Path, list[str]] = {}

    def read(self) -> Structure:
        level = self._enter_wrappers(self.tree.top)
        layers = self._layers(level)
        if layers:
            self.found.beside.append(level)
        for name in layers:
            self._read_classes(self._enter_layer(level / name), name.lower())
        if not layers:
            self._read_classes(level, "")
        if not self.found.classes:
            raise self._refused(f"no class folder in it{self._hint(level)}; {_EXPECTED}")
        return self.found

    # --- folders --------------------------------------------------------------------------------

    def _folders(self, folder: Path) -> list[str]:
        """The folders in a folder, without masks and what this tool has written."""
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
            self._remark("own_folder", f"{self._shown(folder)} ({kind})")
            self.found.own.append(folder)
        return not kind

    def _pictured(self, folder: Path) -> list[str]:
        """Those of them that hold images."""
        return [name for name in self._folders(folder) if self.tree.has_images(folder / name)]

    def _enter_wrappers(self, top: Path) -> Path:
        """The folder that holds several folders, below those that only wrap it."""
        level = top
        while True:
            names = self._pictured(level)
            if len(names) != 1 or layer_of(names[0]):
                break
            only = level / names[0]
            if len(self._pictured(only)) <= len(self.tree.listing(only).images):
                break
            self.found.beside.append(level)
            level = only
        if level != top:
            self._remark(
                "wrapper",
                f"the class folders lie in {self._shown(level)}, which is taken for the data",
                f"give the folder {self._shown(level)} itself as data.path",
            )
        return level

    # --- layers ---------------------------------------------------------------------------------

    def _layers(self, level: Path) -> list[str]:
        """The folders that are parts of a split and hold class folders, the training one first."""
        names = self._pictured(level)
        meant = [name for name in names if layer_of(name)]
        deep = [name for name in meant if self._holds_classes(level / name)]
        flat = [name for name in meant if name not in deep]
        others = [name for name in names if name not in meant]
        if deep:
            self._check_beside(level, deep, others)
            self._leave_out_flat(level, flat)
            return sorted(deep, key=_layer_order)
        parts = {layer_of(name) for name in flat}
        if (TRAIN in parts or not others) and (len(parts) > 1 or FOLD in parts):
            raise self._refused(
                f"images lie directly in {named(flat)}, which are parts of a split, not classes"
                f"{self._hint(*(level / name for name in flat), level)}; {_EXPECTED}"
            )
        return []

    def _holds_classes(self, layer: Path) -> bool:
        def is_container(name: str) -> bool:
            return is_image_folder(name) or layer_of(name) == layer_of(layer.name)

        names = self._pictured(layer)
        return any(not is_container(name) or self._pictured(layer / name) for name in names)

    def _check_beside(self, level: Path, layers: list[str], others: list[str]) -> None:
        for other in others:
            if set(layers) & set(self._pictured(level / other)):
                raise self._refused_copy(level / other)
        if others:
            raise self._refused(
                f"{named(layers)} beside {named(others)}; expected either class folders, or only "
                "folders such as train, val and test that hold class folders"
            )

    def _leave_out_flat(self, level: Path, flat: list[str]) -> None:
        """Layers without class folders beside others that have them: a test set without labels."""
        listings = [one for name in flat for _, one in self.tree.walk(level / name)]
        if not listings:
            return
        self._remark(
            "unlabelled_layer",
            f"{images(sum(len(one.images) for one in listings))} in {named(flat)} left out: they "
            "lie in no class folder and have no label",
            f"sort the images of {named(flat)} into class folders to use them",
        )

    def _enter_layer(self, layer: Path) -> Path:
        """The folder of a layer's class folders: the layer, or `train/images`, `train/train`."""
        names = self._pictured(layer)
        if len(names) == 1 and self._pictured(layer / names[0]):
            same = layer_of(names[0]) == layer_of(layer.name)
            if same or is_image_folder(names[0]):
                self.found.beside.append(layer)
                return self._enter_layer(layer / names[0])
        if len(names) > 1 and all(layer_of(name) for name in names):
            raise self._refused(
                f"{self._shown(layer)} holds {named(names)}: the same image may lie in several "
                f"divisions; give one of them as data.path, such as {self._shown(layer)}"
            )
        return layer

    # --- classes --------------------------------------------------------------------------------

    def _read_classes(self, level: Path, layer: str) -> None:
        self.found.beside.append(level)
        below = {name: self._pictured(level / name) for name in self._pictured(level)}
        if again := copy_inside(below):
            raise self._refused_copy(level / again)
        has_images = any(self.tree.listing(level / name).images for name in below)
        if hold_classes(below) and not has_images:
            self._take_patients(level, layer, below)
        elif hold_parts(below) and not has_images and not layer:
            for name, parts in below.items():
                self.found.beside.append(level / name)
                self.found.classes += [
                    ClassFolder(level / name / part, name, part.lower(), level) for part in parts
                ]
        else:
            self._remark_shared(below)
            self.found.classes += [
                ClassFolder(level / name, name, layer, level)
                for name in self._folders(level)
                if name in below or not is_mask_folder(name)
            ]

    def _take_patients(self, level: Path, layer: str, below: dict[str, list[str]]) -> None:
        for patient, names in below.items():
            folder = level / patient
            self.found.beside.append(folder)
            self.found.classes += [ClassFolder(folder / n, n, layer, folder) for n in names]
        if any(remark.kind == "patients" for remark in self.found.remarks):
            return
        levels = len(level.relative_to(self.tree.top).parts)
        above = f"(?:[^/]+/){{{levels}}}" if levels else ""
        classes = sorted({tidy_name(name) for names in below.values() for name in names})
        self._remark(
            "patients",
            f"{len(below)} folders ({named(below, 3)}) hold the same folders ({named(classes)}): "
            "taken for patients that have the classes in them",
            f"set data.group_by='^{above}([^/]+)/' to keep the images of a patient together",
        )

    def _remark_shared(self, below: dict[str, list[str]]) -> None:
        if not (shared := shared_folders(below)):
            return
        classes = named(below, 3)
        self._remark(
            "shared_folders",
            f"every class folder ({classes}) holds the same folders ({named(shared)}), which may "
            "be the classes that are meant",
            f"make sure that {classes} are the classes and not {named(shared)}",
        )

    # --- words ----------------------------------------------------------------------------------

    def _remark(self, kind: str, text: str, advice: str = "") -> None:
        self.found.remarks.append(Remark(kind, text, advice))

    def _refused(self, why: str) -> DataError:
        return DataError(f"data.path={self.called!r}: {why}")

    def _refused_copy(self, folder: Path) -> DataError:
        return self._refused(
            f"{self._shown(folder)} holds the folders beside it once more: two copies of the data; "
            f"remove one of them, or give {self._shown(folder)} itself as data.path"
        )

    def _shown(self, folder: Path) -> str:
        return self.tree.relative(folder) + "/"

    def _hint(self, *folders: Path) -> str:
        return labels_hint(self.tree, folders)


def _layer_order(name: str) -> tuple[int, str]:
    """Training first: its spelling of a class is the one that is shown."""
    return (TRAIN, FOLD, VAL, TEST).index(layer_of(name) or TEST), name
