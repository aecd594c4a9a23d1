"""Recognise image files by extension or, where that is unknown, by their first bytes."""

import os
from pathlib import Path, PurePath

from datasets.decoding.dicom_detection import HEADER_BYTES, is_dicom

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}
    | {".dcm", ".dicom", ".ima"}
)
UNREAD_SUFFIXES = frozenset(
    {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".psd", ".xcf", ".exr", ".tga"}
    | {".pgm", ".ppm", ".pbm", ".pnm", ".pcx", ".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf"}
    | {".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".mgz"}
    | {".svs", ".ndpi", ".scn", ".mrxs", ".vsi", ".lsm", ".czi", ".lif", ".nd2", ".bif", ".qptiff"}
)  # unsupported image formats: listed with a reason, not skipped
PLAIN_SUFFIXES = frozenset(
    {"", ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".rst", ".xls"}
    | {".html", ".css", ".js", ".py", ".ipynb", ".m", ".r", ".c", ".h", ".cpp", ".java", ".sh"}
    | {".bat", ".log", ".ini", ".cfg", ".toml", ".tex", ".bib", ".xlsx", ".db", ".url", ".lnk"}
    | {".md5", ".sha1", ".sha256"}
)  # files without images
_IGNORED = frozenset(
    {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found"}
    | {"__pycache__"}
)
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GIF = (b"GIF87a", b"GIF89a")
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # sizes of the header after the file header


def is_seen(name: str) -> bool:
    """Whether a file or folder is neither hidden nor a leftover of an operating system."""
    return not name.startswith(".") and name.lower() not in _IGNORED


def suffix_of(name: str) -> str:
    """The lower-case extension, "" for none; `.gz` with the one before it, as in `.nii.gz`."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    if suffixes[-1:] == [".gz"] and len(suffixes) > 1:
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else ""


def unread_problem(name: str) -> str:
    """Why an image with this extension is unsupported; "" for all other extensions."""
    suffix = suffix_of(name)
    if suffix not in UNREAD_SUFFIXES:
        return ""
    return f"{suffix} is not supported; save it as PNG or TIFF"


def unread_reason(path: Path) -> str:
    """As `unread_problem`, but "" if the content is of a supported format after all."""
    problem = unread_problem(path.name)
    return "" if problem and is_image_content(path.name, head_of(path)) else problem


def needs_content_check(name: str) -> bool:
    """Whether only the content shows if a file of this name is an image."""
    suffix = suffix_of(name)
    return not suffix or suffix not in IMAGE_SUFFIXES | PLAIN_SUFFIXES


def may_hide_an_image(name: str) -> bool:
    """Whether a file that must not be opened may be an image, by its extension or lack of one."""
    suffix = suffix_of(name)
    return suffix in IMAGE_SUFFIXES | UNREAD_SUFFIXES or not suffix or suffix[1:].isdigit()


def is_image_content(name: str, head: bytes) -> bool:
    """Whether the first `HEADER_BYTES` of a file are those of a supported image.

    Raw formats of cameras and microscopes begin as TIFF but contain previews, so TIFF does not
    count under their extensions.
    """
    if head.startswith((_JPEG, _PNG, *_GIF)) or is_dicom(head):
        return True
    if head.startswith(_TIFF):
        return suffix_of(name) not in UNREAD_SUFFIXES
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return True
    if head[:2] == b"BM" and len(head) >= 18:
        return int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return False


def head_of(path: Path) -> bytes:
    """The first `HEADER_BYTES` of a regular file; empty if it cannot be read."""
    if not path.is_file():  # a pipe would block
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(HEADER_BYTES)
    except OSError:
        return b""


def printable(name: str) -> str:
    """A file name with bytes that are not Unicode escaped, such as \\xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
