"""Find the class folders in a folder of images, by the names in it.

    root/<class>/**/image                                flat
    root/train/<class>/... root/test/<class>/...         layered; fold1/, fold2/ too
    root/<class>/train/... root/<class>/test/...         layered below the classes
    root/patient01/<class>/...                           patients above the classes
    root/<class>/patient01/...                           patients below the classes
    root/wrapper/ or root/images/ and any of these

A clear layout is accepted, with a remark where it is unusual; an ambiguous one is refused in one
line.
"""

from collections.abc import Sequence
from pathlib import Path

from datasets.layout.class_names import tidy_name
from datasets.layout.folder_names import are_patients, is_mask_folder, layer_of, named
from datasets.layout.layers import enter_layer, find_layers
from datasets.layout.levels import EXPECTED, ClassFolder, Levels, Structure, labels_hint
from datasets.layout.masks import mask_folders_inside
from datasets.layout.meanings import copy_inside, hold_classes, hold_parts, shared_folders
from datasets.layout.remarks import PATIENTS
from datasets.layout.tree import Tree


def find_structure(tree: Tree, called: str, own: Sequence[str] = ()) -> Structure:
    """Find the class folders of a tree.

    Args:
        tree: the folder.
        called: its path as the user wrote it, for messages.
        own: real paths of folders that this tool writes to.

    Raises:
        DataError: no class folder, images directly in the parts of a split, or an ambiguous layout.
    """
    return _Reader(Levels(tree, called, own)).read()


class _Reader:
    def __init__(self, levels: Levels) -> None:
        self.levels, self.tree, self.found = levels, levels.tree, levels.found

    def read(self) -> Structure:
        level = self._enter_wrappers(self.tree.top)
        layers = find_layers(self.levels, level)
        if layers:
            self.found.beside.append(level)
        for name in layers:
            self._read_classes(enter_layer(self.levels, level / name), name.lower())
        if not layers:
            self._read_classes(level, "")
        if not self.found.classes:
            raise self.levels.refused(
                f"no class folder in it{labels_hint(self.tree, [level])}; {EXPECTED}"
            )
        self._remark_patients_below()
        return self.found

    def _enter_wrappers(self, top: Path) -> Path:
        """Descend to the first folder that contains more than one folder."""
        level = top
        while True:
            names = self.levels.pictured(level)
            if len(names) != 1 or layer_of(names[0]):
                break
            only = level / names[0]
            wraps = len(self.levels.pictured(only)) > len(self.tree.listing(only).images)
            if not wraps or self.levels.is_loop(only, level):
                break
            self.found.beside.append(level)
            level = only
        if level != top:
            self.levels.remark(
                "wrapper",
                f"the class folders are in {self.levels.shown(level)}, which is used as the data",
                f"set data.path to the folder {self.levels.shown(level)} itself",
            )
        return level

    def _read_classes(self, level: Path, layer: str) -> None:
        self.found.beside.append(level)
        below = {name: self.levels.pictured(level / name) for name in self.levels.pictured(level)}
        if copy := copy_inside(below):
            raise self.levels.refused_copy(level / copy)
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
                for name in self.levels.folders(level)
                if name in below or not is_mask_folder(name)
            ]

    def _take_patients(self, level: Path, layer: str, below: dict[str, list[str]]) -> None:
        for patient, names in below.items():
            folder = level / patient
            self.found.beside.append(folder)
            self.found.classes += [ClassFolder(folder / n, n, layer, folder) for n in names]
        if self._has_patients():
            return
        classes = sorted({tidy_name(name) for names in below.values() for name in names})
        self._remark_patients(
            f"{len(below)} folders ({named(below, 3)}) contain the same folders "
            f"({named(classes)}): interpreted as patients with the classes in them",
            [level],
        )

    def _remark_patients_below(self) -> None:
        """Remark on patient folders within the class folders, whose images should be grouped."""
        classes = self.found.classes
        inside: set[str] = set()
        for folder in classes:
            listing = self.tree.listing(folder.path)
            masks = mask_folders_inside(listing)
            inside |= {
                name
                for name in listing.folders
                if name not in masks and self.tree.has_images(folder.path / name)
            }
        if self._has_patients() or not are_patients(inside, {folder.name for folder in classes}):
            return
        self._remark_patients(
            f"{len(inside)} folders in the class folders ({named(sorted(inside), 3)}) are named "
            "like patients: interpreted as patients",
            [folder.path for folder in classes],
        )

    def _remark_patients(self, text: str, above: Sequence[Path]) -> None:
        """Remark that the folders directly in `above` are patients, and propose a rule."""
        depths = {len(folder.relative_to(self.tree.top).parts) for folder in above}
        depth = min(depths)
        skipped = f"(?:[^/]+/){{{depth}}}" if depth else ""
        rule = f"^{skipped}([^/]+)/" if len(depths) == 1 else "([^/]+)/[^/]+$"
        advice = f"set data.group_by='{rule}' to keep the images of a patient together"
        self.levels.remark(PATIENTS, text, advice)

    def _has_patients(self) -> bool:
        return any(remark.kind == PATIENTS for remark in self.found.remarks)

    def _remark_shared(self, below: dict[str, list[str]]) -> None:
        if not (shared := shared_folders(below)):
            return
        classes = named(below, 3)
        self.levels.remark(
            "shared_folders",
            f"every class folder ({classes}) contains the same folders ({named(shared)}), which "
            "may be the intended classes",
            f"make sure that the classes are {classes} and not {named(shared)}",
        )
