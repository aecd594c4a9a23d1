"""From the names of class folders to classes: which folders are one, and what it is called."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from datasets.layout.file_kinds import printable

_JOINT = re.compile(r"(?<=\w)[-_]+(?=\w)|_")


def tidy_name(name: str) -> str:
    """A class folder's name as it is shown: in Unicode's composed form, its spaces single."""
    return " ".join(unicodedata.normalize("NFC", printable(name)).split())


def class_key(name: str) -> str:
    """What the spellings of one class have in common.

    Case, spaces, underscores, hyphens between words and Unicode forms make no difference.
    """
    return " ".join(
        _JOINT.sub(" ", unicodedata.normalize("NFKC", tidy_name(name))).split()
    ).casefold()


def classes_of(parents: Iterable[Sequence[str]]) -> list[list[str]]:
    """The class of each folder.

    Folders beside each other are classes of their own, `a` and `A` too, unless their names look the
    same on a screen. A folder of a later parent belongs to the class of its exact name, or else to
    the one class of another spelling (`class_key`) that this parent has no exact folder of. The
    first spelling is the class's name.

    Args:
        parents: the names of the class folders of each layer (or patient), in order.

    Returns:
        The classes' names, in the same shape.
    """
    known: dict[str, list[str]] = {}  # by key
    return [_classes_in(names, known) for names in parents]


def spelled_alike(classes: Iterable[str]) -> list[list[str]]:
    """The classes whose names differ in case, spaces, underscores or Unicode form only."""
    by_key: dict[str, list[str]] = {}
    for name in sorted(set(classes)):
        by_key.setdefault(class_key(name), []).append(name)
    return [names for names in by_key.values() if len(names) > 1]


def same_on_screen(names: Iterable[str]) -> list[list[str]]:
    """The folders beside each other whose names look the same: they are one class."""
    by_look: dict[str, list[str]] = {}
    for name in sorted(names):
        by_look.setdefault(tidy_name(name), []).append(name)
    return [alike for alike in by_look.values() if len(alike) > 1]


def _classes_in(names: Sequence[str], known: dict[str, list[str]]) -> list[str]:
    taken = {tidy_name(name) for name in names}  # classes that this parent has already
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
