"""A folder of class folders -> the list of its image files; reads names, and pixels never.

    root/<class>/**/image.jpg                    flat
    root/train/<class>/...  root/test/<class>/...   layered: the layers are merged, and remembered

The layers are merged because the splits are made here, not by whoever made the folders.
"""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from datasets.decoding.dicom_detection import HEADER_BYTES, is_dicom
from datasets.errors import DataError

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}
    | {".dcm", ".dicom"}
)
UNREAD_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".dng", ".nii", ".nrrd", ".mha"}
)  # pictures, which nothing here reads: named, not passed over
LAYERS = (
    "train",
    "val",
    "valid",
    "validation",
    "test",
)  # the first layer's spelling of a class wins
_IGNORED = frozenset(
    {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found"}
)


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


def list_folder(root: str, called: str | None = None) -> list[ImageFile]:
    """List the image files below `root`, a local folder of class folders, sorted by path.
    `called`: how the user knows it, if not by its path.

    A train/test(/val) layer on top is merged: class folders are matched by `class_key`, the
    spelling of the first layer in `LAYERS` wins, and `origin` keeps the layer's name in lower case.
    Folders below a class folder are walked. Hidden files, what systems leave behind (Thumbs.db,
    __MACOSX) and files without an image's extension are ignored; without any extension, or with a
    number for one, the content tells DICOM files. Links are followed inside `root`, each folder
    once a class. A link that leads out of it, a folder that cannot be listed, a name that is not
    Unicode and a format that is not read are in the list with their `problem`.

    Raises:
        DataError: no such folder, not a folder, no class folder, or a class without an image.
    """
    top, called = Path(os.path.realpath(root)), called or root
    if not top.exists():
        raise DataError(f"data.path={called!r}: no such folder; give a folder of class folders")
    if not top.is_dir():
        raise DataError(
            f"data.path={called!r}: not a folder; give a folder of class folders, or a zip of them"
        )
    try:
        layers = _layers(top, called)
        class_folders = [(layer, name) for layer in layers for name in _folders(top / layer)]
    except OSError as error:
        raise DataError(f"data.path={called!r}: cannot be listed: {error.strerror}") from error
    if not class_folders:
        raise DataError(
            f"data.path={called!r}: no class folder in it; expected one folder per class"
        )
    return _files_of(top, class_folders, called)


def class_key(name: str) -> str:
    """What names of one class have in common: case, spaces and Unicode forms make no difference."""
    return tidy_name(name).casefold()


def tidy_name(name: str) -> str:
    """A class folder's name as it is shown: in Unicode's composed form, its spaces single."""
    return " ".join(unicodedata.normalize("NFC", printable(name)).split())


def printable(name: str) -> str:
    """A file name with the bytes that are not Unicode written out, such as \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _files_of(top: Path, class_folders: list[tuple[str, str]], called: str) -> list[ImageFile]:
    spelling: dict[str, str] = {}
    walked: dict[str, set[str]] = {}  # the folders seen, per class: links may form a loop
    files: list[ImageFile] = []
    for layer, name in class_folders:
        class_name = spelling.setdefault(class_key(name), tidy_name(name))
        seen = walked.setdefault(class_name, set())
        for path, problem in _images_below(top, top / layer / name, seen):
            relative = printable(path.relative_to(top).as_posix())
            files.append(ImageFile(relative, class_name, layer.lower(), problem))
    empty = sorted(set(spelling.values()) - {file.class_name for file in files})
    if empty:
        raise DataError(
            f"class folder without an image in {called!r}: {', '.join(empty)}; expected "
            f"{'/'.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))}; add some or remove it"
        )
    return sorted(files, key=lambda file: file.path)


def _layers(top: Path, called: str) -> list[str]:
    """The layer folders in the order of `LAYERS`, or [""] where class folders lie on top."""
    folders = _folders(top)
    layers = [name for name in folders if name.lower() in LAYERS and _folders(top / name)]
    others = [name for name in folders if name not in layers]
    if layers and others:
        raise DataError(
            f"data.path={called!r}: {', '.join(layers)} beside {', '.join(others)}; expected "
            f"either class folders or only {'/'.join(LAYERS)} folders that hold class folders"
        )
    return sorted(layers, key=lambda name: (LAYERS.index(name.lower()), name)) or [""]


def _folders(folder: Path) -> list[str]:
    return sorted(
        name for name in os.listdir(folder) if is_seen(name) and os.path.isdir(folder / name)
    )


def _images_below(top: Path, folder: Path, seen: set[str]) -> Iterator[tuple[Path, str]]:
    """The images of a folder and of those below it, each with its problem or ""."""
    waiting = [(folder, os.path.realpath(folder))]
    while waiting:
        folder, real = waiting.pop()
        if not _is_inside(top, real):
            yield folder, "a link that leads out of the data folder; copy the files into it"
        elif real not in seen:
            seen.add(real)
            try:
                names = [name for name in os.listdir(folder) if is_seen(name)]
            except OSError as error:
                yield folder, f"a folder that cannot be listed: {error.strerror or error}"
                continue
            for name in names:
                path, target = folder / name, _target(folder / name, real)
                if os.path.isdir(path):
                    waiting.append((path, target))
                elif (problem := _file_problem(top, path, target)) is not None:
                    yield path, problem


def _target(path: Path, real_folder: str) -> str:
    """`os.path.realpath(path)`, without a look at every folder above for each file."""
    return os.path.realpath(path) if path.is_symlink() else os.path.join(real_folder, path.name)


def _file_problem(top: Path, path: Path, target: str) -> str | None:
    """Why an image file must not be read, "" where it may, None where it is no image file."""
    if not may_be_image(path.name):
        return None
    suffix = path.suffix.lower()
    if not _is_inside(top, target):
        return "a link that leads out of the data folder; copy the file into it"
    if suffix in UNREAD_SUFFIXES:
        return f"{suffix} is not read here; save it as PNG or TIFF"
    if suffix not in IMAGE_SUFFIXES and not _starts_as_dicom(path):
        return None
    name = str(path.relative_to(top))
    return "" if printable(name) == name else "a name that is not Unicode; rename it"


def may_be_image(name: str) -> bool:
    """Whether a file of this name is an image, or DICOM: IM000001, 1.2.840.10008.1."""
    suffix = PurePath(name).suffix.lower()
    return suffix in IMAGE_SUFFIXES | UNREAD_SUFFIXES or not suffix or suffix[1:].isdigit()


def _is_inside(top: Path, real: str) -> bool:
    return real == str(top) or real.startswith(os.path.join(top, ""))


def _starts_as_dicom(path: Path) -> bool:
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with open(path, "rb") as file:
            return is_dicom(file.read(HEADER_BYTES))
    except OSError:
        return False


def is_seen(name: str) -> bool:
    """Whether a file or folder is neither hidden nor what systems leave behind."""
    return not name.startswith(".") and name.lower() not in _IGNORED
