"""A folder of class folders -> the list of its image files; reads names only, never pixels.

    root/<class>/**/image.jpg                    flat
    root/train/<class>/...  root/test/<class>/...   layered: the layers are merged, and remembered

The layers are merged because the splits are made here, not by whoever made the folders.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import DataError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
LAYERS = (
    "train",
    "val",
    "valid",
    "validation",
    "test",
)  # the first layer's spelling of a class wins
_IGNORED = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True)
class ImageFile:
    """One image file: `path` relative to the root (posix), its class, and its layer or ""."""

    path: str
    class_name: str
    origin: str


def list_folder(root: str) -> list[ImageFile]:
    """List the image files below `root`, a local folder of class folders, sorted by path.

    A train/test(/val) layer on top is merged: class folders are matched without regard to case,
    the spelling of the first layer in `LAYERS` wins, and `origin` keeps the layer's name in lower
    case. Hidden files and files without an image's extension are ignored; folders below a class
    folder are walked.

    Raises:
        DataError: no such folder, not a folder, no class folder, or a class without an image.
    """
    top = Path(root)
    if not top.exists():
        raise DataError(f"data.path={root!r}: no such folder; give a folder of class folders")
    if not top.is_dir():
        raise DataError(f"data.path={root!r}: not a folder; give a folder of class folders")
    layers = _layers(top)
    class_folders = [(layer, name) for layer in layers for name in _folders(top / layer)]
    if not class_folders:
        raise DataError(f"data.path={root!r}: no class folder in it; expected one folder per class")
    return _files_of(top, class_folders)


def _files_of(top: Path, class_folders: list[tuple[str, str]]) -> list[ImageFile]:
    spelling: dict[str, str] = {}
    files: list[ImageFile] = []
    for layer, name in class_folders:
        class_name = spelling.setdefault(name.casefold(), name)
        for path in _images_below(top / layer / name):
            relative = path.relative_to(top).as_posix()
            files.append(ImageFile(relative, class_name, layer.lower()))
    empty = sorted(set(spelling.values()) - {file.class_name for file in files})
    if empty:
        raise DataError(
            f"class folder without an image in {str(top)!r}: {', '.join(empty)}; expected "
            f"{'/'.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))}; add some or remove it"
        )
    return sorted(files, key=lambda file: file.path)


def _layers(top: Path) -> list[str]:
    """The layer folders in the order of `LAYERS`, or [""] where class folders lie on top."""
    folders = _folders(top)
    layers = [name for name in folders if name.lower() in LAYERS and _folders(top / name)]
    others = [name for name in folders if name not in layers]
    if layers and others:
        raise DataError(
            f"data.path={str(top)!r}: {', '.join(layers)} beside {', '.join(others)}; expected "
            f"either class folders or only {'/'.join(LAYERS)} folders that hold class folders"
        )
    return sorted(layers, key=lambda name: (LAYERS.index(name.lower()), name)) or [""]


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and _is_seen(entry))


def _images_below(folder: Path) -> Iterator[Path]:
    for directory, subfolders, names in os.walk(folder):
        subfolders[:] = [name for name in subfolders if _is_seen(Path(name))]
        for name in names:
            path = Path(directory, name)
            if _is_seen(path) and path.suffix.lower() in IMAGE_SUFFIXES:
                yield path


def _is_seen(path: Path) -> bool:
    return not path.name.startswith(".") and path.name.lower() not in _IGNORED
