"""Parse file names of Roboflow exports, `<stem>_<ext>.rf.<hash>.<ext>`, even after editing.

People who cut a figure into panels after the export reuse its name and remove a piece to make each
one unique. The beginning or the end of the hash survives, and equal ones are improbable by chance.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from datasets.filenames.distinctive import MOST_IMAGES

_MIN_DIGITS = 8  # hexadecimal, of a hash's beginning or end; more among very many names
_ALPHA = 0.05  # expected pairs of hashes in a whole data set that begin alike by chance
_TYPE = "jpe?g|png|webp|bmp|tiff?|gif|jfif"
_SUFFIX = re.compile(rf"[._-]?(?:(?:{_TYPE})[._]?(?:rf[._])?|[._]?rf[._])([0-9a-f]{{8,}})$", re.I)
_MARKED = re.compile(r"[._]rf[._]([0-9a-f]{8,})", re.I)
_LAST = re.compile(r"([0-9a-f]{8,})$")
_EXTENSION = re.compile(r"(?<=.)\.(?=\d*[A-Za-z])\w{1,8}$")
_WHOLE_HASH = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])", re.I)


@dataclass(frozen=True)
class ExportedName:
    """`stem`: without extension and export suffix. `marked`: the hash after `.rf.`, or ""."""

    stem: str
    marked: str
    is_export: bool


def read_name(path: str) -> ExportedName:
    """Parse a name; a name that is not an export's is all stem."""
    name = bare_name(path)
    suffix, marked = _SUFFIX.search(name), _MARKED.search(name)
    stem = name[: suffix.start()] if suffix else name[: marked.start()] if marked else name
    return ExportedName(stem, marked.group(1).lower() if marked else "", bool(suffix or marked))


def bare_name(path: str) -> str:
    """The file's name without folders and extension; the last part of a DICOM UID is kept."""
    return _EXTENSION.sub("", path.rsplit("/", 1)[-1])


def hash_keys(paths: Iterable[str]) -> list[list[tuple[str, str]]]:
    """For each name, its hashes: too long to be shared by chance, and shared by few files.

    Where most names come from an export, hexadecimal digits at the end of another name are the rest
    of its hash; elsewhere they may be a date, or the part of a UUID that identifies the machine.
    """
    paths = list(paths)
    names = [read_name(path) for path in paths]
    digits = _distinct_digits(len(names))
    mostly_exported = 2 * sum(name.is_export for name in names) > len(names)
    whole = [_whole_hashes(name.stem) for name in names]
    images = Counter(key for hashes in whole for key in hashes)
    keys = []
    for path, name, hashes in zip(paths, names, whole, strict=True):
        ends = _ends(name.marked, digits)
        if mostly_exported and not name.marked:
            ends = _ends(_trailing_digits(path), digits)[1:]
        keys.append([*ends, *(key for key in hashes if images[key] <= MOST_IMAGES)])
    return keys


def _distinct_digits(number: int) -> int:
    """How many digits make collisions among `number` random hashes improbable."""
    return max(_MIN_DIGITS, math.ceil(math.log(max(1.0, number**2 / 2 / _ALPHA), 16)))


def _ends(digest: str, digits: int) -> list[tuple[str, str]]:
    """The beginning and the end of a hash; nothing if it is too short to be distinctive."""
    if len(digest) < digits:
        return []
    return [("begin", digest[:digits]), ("end", digest[-digits:])]


def _trailing_digits(path: str) -> str:
    """The hexadecimal digits at the end of a name, "" if they may be a word or a number."""
    found = _LAST.search(bare_name(path))
    return found.group(1) if found and _is_mixed(found.group(1)) else ""


def _whole_hashes(stem: str) -> list[tuple[str, str]]:
    found = {digits.lower() for digits in _WHOLE_HASH.findall(stem)}
    return [("hash", digits) for digits in sorted(found) if _is_mixed(digits)]


def _is_mixed(digits: str) -> bool:
    """Letters and numerals: neither a word nor a number."""
    return not digits.isdigit() and not digits.isalpha()
