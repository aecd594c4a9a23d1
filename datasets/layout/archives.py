"""Why a file in place of a folder of images is none, where it is an archive or was one."""

from pathlib import Path

from datasets.layout.file_kinds import head_of, suffix_of

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OTHERS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"Rar!", b"7z\xbc\xaf\x27\x1c")
_TAR_AT, _TAR = 257, b"ustar"
_SUFFIXES = frozenset(
    {".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".lzma", ".zst", ".rar", ".7z"}
)


def archive_problem(path: Path) -> str:
    """What is wrong with a file that is no readable zip, and the way out; "" for no archive.

    By its first bytes, and by its extension where it has lost them.
    """
    head, suffix = head_of(path), suffix_of(path.name)
    if head.startswith(_ZIP) or suffix == ".zip":
        how = "" if head else " (it is empty)"
        return f"a damaged zip{how}; copy it again, or give a folder of class folders"
    is_tar = head[_TAR_AT:].startswith(_TAR)
    if is_tar or head.startswith(_OTHERS) or suffix in _SUFFIXES or suffix.endswith(".gz"):
        return "only zip archives are read; unpack it and give the folder"
    return ""
