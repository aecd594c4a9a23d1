"""Map class folders to classes: which folders are the same class, and its displayed name."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from datasets.layout.file_kinds import printable

_JOINT = re.compile(r"(?<=\w)[-_]+(?=\w)|_")


def tidy_name(name: str) -> str:
    """A class folder's displayed name: in Unicode's composed form, with single spaces."""
    return " ".join(unicodedata.normalize("NFC", printable(name)).split())


def class_key(name: str) -> str:
    """A key that all spellings of one class share.

    It ignores case, spaces, underscores, hyphens between words and Unicode forms.
    """
    return " ".join(
        _JOINT.sub(" ", unicodedata.normalize("NFKC", tidy_name(name))).split()
    ).casefold()


def classes_of(parents: Iterable[Sequence[str]]) -> list[list[str]]:
    """The class of each folder.

    Sibling folders are separate classes, even `a` and `A`, unless their displayed names are equal.
    A folder of a later parent belongs to the class of its exact name, or else to the only class
    with the same `class_key` that this parent has no exact folder of. The first spelling becomes
    the class's name.

    Args:
        parents: the names of the class folders of each layer (or patient), in order.

    Returns:
        The classes' names, in the same shape.
    """
    known: dict[str, list[str]] = {}  # by key
    return [_classes_in(names, known) for names in parents]


def spelled_alike(classes: Iterable[str]) -> list[list[str]]:
    """The classes whose names have the same `class_key`."""
    by_key: dict[str, list[str]] = {}
    for name in sorted(set(classes)):
        by_key.setdefault(class_key(name), []).append(name)
    return [names for names in by_key.values() if len(names) > 1]


def same_on_screen(names: Iterable[str]) -> list[list[str]]:
    """The sibling folders whose displayed names are equal: they are one class."""
    by_name: dict[str, list[str]] = {}
    for name in sorted(names):
        by_name.setdefault(tidy_name(name), []).append(name)
    return [alike for alike in by_name.values() if len(alike) > 1]


def _classes_in(names: Sequence[str], known: dict[str, list[str]]) -> list[str]:
    taken = {tidy_name(name) for name in names}  # the classes that this parent already has
    found = []
    for name in names:
        tidy = tidy_name(name)
        spellings = known.setdefault(class_key(name), [])
        free = [spelling for spelling in spellings if spelling not in taken]
        if tidy not in spellings and len(free) == 1:
            taken.add(free[0])
            found.append(free[0])
            continue
        if tidy not in spellings:
            spellings.append(tidy)
        found.append(tidy)
    return found
