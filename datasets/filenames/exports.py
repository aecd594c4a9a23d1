"""The names that an export writes: Roboflow's `<stem>_<ext>.rf.<hash>.<ext>`, also where people cut
pieces out of them.

Whoever cuts a figure into its panels after the export keeps the name for all of them and takes out
a piece to make each unique. Head or end of the hash survive, and both are improbable by chance.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from datasets.filenames.distinctive import MOST_IMAGES

_FEWEST_DIGITS = 8  # of a hash's begin or end, hexadecimal; more among very many names
_ALPHA = 0.05  # pairs of hashes in a whole data set that may begin alike by chance
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
    digits = _distinct_digits(len(names))
    exported = 2 * sum(name.is_export for name in names) > len(names)
    whole = [_whole(name.stem) for name in names]
    images = Counter(key for own in whole for key in own)
    keys = []
    for path, name, own in zip(paths, names, whole, strict=True):
        ends = _ends(name.marked, digits)
        if exported and not name.marked:
            ends = _ends(_last(path), digits)[1:]
        keys.append([*ends, *(key for key in own if images[key] <= MOST_IMAGES)])
    return keys


def _distinct_digits(number: int) -> int:
    """How many digits keep so many random hashes apart."""
    return max(_FEWEST_DIGITS, math.ceil(math.log(max(1.0, number**2 / 2 / _ALPHA), 16)))


def _ends(digest: str, digits: int) -> list[tuple[str, str]]:
    """How a hash begins and ends; nothing for one that is too short to be told from others."""
    if len(digest) < digits:
        return []
    return [("begin", digest[:digits]), ("end", digest[-digits:])]


def _last(path: str) -> str:
    """The hexadecimal digits at the end of a name, "" where they may be a word or a number."""
    found = _LAST.search(bare_name(path))
    return found.group(1) if found and _is_mixed(found.group(1)) else ""


def _whole(stem: str) -> list[tuple[str, str]]:
    found = {one.lower() for one in _WHOLE_HASH.findall(stem)}
    return [("hash", one) for one in sorted(found) if _is_mixed(one)]


def _is_mixed(digits: str) -> bool:
    """Letters and numerals: neither a word nor a number."""
    return not digits.isdigit() and not digits.isalpha()
