"""Naming schemes of patient collections, found by their form: `P0012-L-CC`, `00000013_005`.

A scheme's names begin with a number that several files share, and go on with little else than
views and counters. `img_001`, `img_002`, ... is none: there the number ends the name.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from datasets.filenames.exports import read_name

FEWEST_SHARED = 5  # numbers that several names share; fewer may be chance
MOST_IMAGES = 20  # of one number, for three in four: beyond it is a batch, a video or a class
_MOST_SCHEMES = 4  # in one expression
_MOST_NUMBERS = 6  # of a name that may end the shared part
_DATE = r"(?:19|20)\d\d(?P<sep>[-_.]?)(?:0[1-9]|1[0-2])(?P=sep)(?:0[1-9]|[12]\d|3[01])(?!\d)"
_TIME = r"(?:(?:[ T_.-]{1,3}|[ _-]at[ _-])\d\d[-_.]?\d\d(?:[-_.]?\d\d)?(?!\d))?"
_HASH = r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,}(?![0-9a-zA-Z])"
_TOKEN = re.compile(rf"(?P<date>{_DATE}{_TIME})|(?P<hash>{_HASH})|(?P<number>\d+)|[^\W\d_]+|[\W_]+")


@dataclass(frozen=True)
class _Name:
    """A file's stem, its class, and what follows the shared part."""

    stem: str
    class_name: str
    rest: str


@dataclass
class _Scheme:
    """The names of one form by their shared part: those of `person1`, of `person2`, ..."""

    pattern: str
    names: dict[str, list[_Name]] = field(default_factory=lambda: defaultdict(list))

    @property
    def shared(self) -> list[list[_Name]]:
        """Of each part that several names share, its names."""
        return [own for own in self.names.values() if len({name.stem for name in own}) > 1]

    @property
    def images(self) -> int:
        return sum(len(own) for own in self.names.values())

    def is_numbering(self) -> bool:
        """Enough parts are shared, what follows them varies little, and they are not the class."""
        shared = self.shared
        kinds = {re.sub(r"\d+", "#", name.rest) for own in shared for name in own}
        classes = {name.class_name for own in self.names.values() for name in own}
        return (
            len(shared) >= FEWEST_SHARED
            and 3 * len(kinds) <= sum(len(own) for own in shared)
            and len(self.names) > len(classes)
        )

    def is_of_patients(self) -> bool:
        """A third of the images share their part, most with as few as a patient has."""
        sizes = [len(own) for own in self.shared]
        few = sum(size <= MOST_IMAGES for size in sizes)
        return 3 * sum(sizes) >= self.images and 4 * few >= 3 * len(sizes)

    def restarts_in_classes(self) -> bool:
        """Whether each class counts anew: parts of two classes come with equal names in both."""
        crossing = [own for own in self.names.values() if len({n.class_name for n in own}) > 1]
        equal = sum(len({name.stem for name in own}) < len(own) for own in crossing)
        return 2 * equal > len(crossing)


def patient_pattern(files: Iterable[tuple[str, str]]) -> str | None:
    """A regular expression whose first group may be the patient, for `data.group_by`.

    Args:
        files: (path, class) of each image.

    Returns:
        None where the names follow no such scheme.
    """
    schemes = [scheme for scheme in _coarsest(list(files)) if scheme.is_of_patients()]
    if not schemes:
        return None
    schemes.sort(key=lambda scheme: (-scheme.images, scheme.pattern))
    first = schemes[:_MOST_SCHEMES]
    shared = "|".join(scheme.pattern for scheme in first)
    if any(scheme.restarts_in_classes() for scheme in first):
        return f"([^/]+/(?:{shared}))[^/]*$"
    return f"(?:^|/)({shared})[^/]*$"


def _coarsest(files: list[tuple[str, str]]) -> Iterable[_Scheme]:
    """Every name in the first of its forms that is a numbering, if any is."""
    names = [
        (class_name, list(islice(_beginnings(path), _MOST_NUMBERS))) for path, class_name in files
    ]
    numberings = {form for form, scheme in _collect(names).items() if scheme.is_numbering()}
    return _collect(
        (class_name, [one for one in beginnings if one[0] in numberings][:1])
        for class_name, beginnings in names
    ).values()


def _collect(names: Iterable[tuple[str, list[tuple[str, str, str]]]]) -> dict[str, _Scheme]:
    schemes: dict[str, _Scheme] = {}
    for class_name, beginnings in names:
        for pattern, shared, rest in beginnings:
            scheme = schemes.setdefault(pattern, _Scheme(pattern))
            scheme.names[shared].append(_Name(shared + rest, class_name, rest))
    return schemes


def _beginnings(path: str) -> Iterator[tuple[str, str, str]]:
    """(pattern, text, what follows) of a name's beginning up to each of its numbers. A date and a
    hash are no numbers here: the images of one day are of many."""
    stem, pattern = read_name(path).stem, ""
    for token in _TOKEN.finditer(stem):
        pattern += _pattern(token)
        if token["number"]:
            yield pattern, stem[: token.end()], stem[token.end() :]


def _pattern(token: re.Match[str]) -> str:
    if token["hash"]:
        return "[0-9a-f]+"
    if token["number"] or token["date"]:
        return re.sub(r"\d+", r"\\d+", token[0])
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", token[0])
