"""Explain why a file given as data.path cannot be used, if it is an archive."""

from pathlib import Path

from datasets.layout.file_kinds import head_of, suffix_of

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OTHERS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"Rar!", b"7z\xbc\xaf\x27\x1c")
_TAR_AT, _TAR = 257, b"ustar"
_SUFFIXES = frozenset(
    {".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".lzma", ".zst", ".rar", ".7z"}
)


def archive_problem(path: Path) -> str:
    """The problem of a file that is not a readable zip, and the way out; "" if not an archive.

    Archives are recognised by their first bytes or, if these are lost, by extension.
    """
    head, suffix = head_of(path), suffix_of(path.name)
    if head.startswith(_ZIP) or suffix == ".zip":
        detail = "" if head else " (it is empty)"
        return f"a damaged zip{detail}; copy it again, or use a folder of class folders"
    is_tar = head[_TAR_AT:].startswith(_TAR)
    if is_tar or head.startswith(_OTHERS) or suffix in _SUFFIXES or suffix.endswith(".gz"):
        return "only .zip, .tar and .tar.gz archives are supported; unpack it and use the folder"
    return ""
