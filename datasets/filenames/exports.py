"""The names that an export writes: Roboflow's `<stem>_<ext>.rf.<hash>.<ext>`, also where people cut
pieces out of them.

Whoever cuts a figure into its panels after the export keeps the name for all of them and takes out
a piece to make each unique. Head or end of the hash survive, and both are improbable by chance.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from datasets.filenames.distinctive import MOST_IMAGES

END_DIGITS = 8  # hexadecimal: by chance, two of 1000 hashes end alike in 1 of 10,000 data sets
_TYPE = "jpe?g|png|webp|bmp|tiff?|gif|jfif"
_SUFFIX = re.compile(rf"[._-]?(?:(?:{_TYPE})[._]?(?:rf[._])?|[._]?rf[._])([0-9a-f]{{8,}})$", re.I)
_MARKED = re.compile(r"[._]rf[._]([0-9a-f]{8,})", re.I)
_LAST = re.compile(r"([0-9a-f]{8,})$")
_EXTENSION = re.compile(r"(?<=.)\.(?=\d*[A-Za-z])\w{1,8}$")
_WHOLE_HASH = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])", re.I)


@dataclass(frozen=True)
class ExportedName:
    """A file's `stem` without extension and export suffix; its `marked` hash, "" without one."""

    stem: str
    marked: str
    is_export: bool

    @property
    def ends(self) -> list[tuple[str, str]]:
        """How the marked hash begins and ends."""
        if not self.marked:
            return []
        return [("begin", self.marked[:END_DIGITS]), ("end", self.marked[-END_DIGITS:])]


def read_name(path: str) -> ExportedName:
    """Take a name apart; any name that no export wrote is all stem."""
    name = bare_name(path)
    suffix, marked = _SUFFIX.search(name), _MARKED.search(name)
    stem = name[: suffix.start()] if suffix else name[: marked.start()] if marked else name
    return ExportedName(stem, marked.group(1).lower() if marked else "", bool(suffix or marked))


def bare_name(path: str) -> str:
    """The file's name without folders and extension; the end of a DICOM UID is none."""
    return _EXTENSION.sub("", path.rsplit("/", 1)[-1])


def hash_keys(paths: Iterable[str]) -> list[list[tuple[str, str]]]:
    """For each name the hashes that no two files share by chance, nor many on purpose.

    Where most names are an export's, hexadecimal digits at the end of another name are what was
    left of its hash; elsewhere they may be a date, or the part of a UUID that tells the machine.
    """
    paths = list(paths)
    names = [read_name(path) for path in paths]
    exported = 2 * sum(name.is_export for name in names) > len(names)
    whole = [_whole(name.stem) for name in names]
    images = Counter(key for own in whole for key in own)
    return [
        [*name.ends, *_last(path, name, exported), *(k for k in own if images[k] <= MOST_IMAGES)]
        for path, name, own in zip(paths, names, whole, strict=True)
    ]


def _last(path: str, name: ExportedName, exported: bool) -> list[tuple[str, str]]:
    found = _LAST.search(bare_name(path)) if exported and not name.marked else None
    return [("end", found.group(1)[-END_DIGITS:])] if found and _is_mixed(found.group(1)) else []


def _whole(stem: str) -> list[tuple[str, str]]:
    found = {one.lower() for one in _WHOLE_HASH.findall(stem)}
    return [("hash", one) for one in sorted(found) if _is_mixed(one)]


def _is_mixed(digits: str) -> bool:
    """Letters and numerals: neither a word nor a number."""
    return not digits.isdigit() and not digits.isalpha()
