"""Detect naming schemes of patient collections by their form: `P0012-L-CC`, `00000013_005`.

The names of a scheme begin with a number that several files share, followed by little more than
views and counters. `img_001`, `img_002`, ... is not a scheme: the number ends the name.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from datasets.filenames.exports import read_name

FEWEST_SHARED = 5  # numbers that several names share; fewer may be chance
MOST_IMAGES = 20  # with one number, in 3 of 4 cases; more are a batch, a video or a class
_MAX_SCHEMES = 4  # in one expression
_MAX_NUMBERS = 6  # in a name that may end the shared part
_DATE = r"(?:19|20)\d\d(?P<sep>[-_.]?)(?:0[1-9]|1[0-2])(?P=sep)(?:0[1-9]|[12]\d|3[01])(?!\d)"
_TIME = r"(?:(?:[ T_.-]{1,3}|[ _-]at[ _-])\d\d[-_.]?\d\d(?:[-_.]?\d\d)?(?!\d))?"
_HASH = r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,}(?![0-9a-zA-Z])"
_TOKEN = re.compile(rf"(?P<date>{_DATE}{_TIME})|(?P<hash>{_HASH})|(?P<number>\d+)|[^\W\d_]+|[\W_]+")


@dataclass(frozen=True)
class _Name:
    """A file's stem, its class, and the rest of the name after the shared part."""

    stem: str
    class_name: str
    rest: str


@dataclass
class _Scheme:
    """The names of one form, grouped by their shared part (`person1`, `person2`, ...)."""

    pattern: str
    names: dict[str, list[_Name]] = field(default_factory=lambda: defaultdict(list))

    @property
    def shared(self) -> list[list[_Name]]:
        """The names of each part that several names share."""
        return [names for names in self.names.values() if len({name.stem for name in names}) > 1]

    @property
    def images(self) -> int:
        return sum(len(names) for names in self.names.values())

    def is_numbering(self) -> bool:
        """Whether enough parts are shared, their rests vary little, and they are not the class."""
        shared = self.shared
        kinds = {re.sub(r"\d+", "#", name.rest) for names in shared for name in names}
        classes = {name.class_name for names in self.names.values() for name in names}
        return (
            len(shared) >= FEWEST_SHARED
            and 3 * len(kinds) <= sum(len(names) for names in shared)
            and len(self.names) > len(classes)
        )

    def is_of_patients(self) -> bool:
        """Whether a third of the images share their part, mostly with as few as a patient has."""
        sizes = [len(names) for names in self.shared]
        few = sum(size <= MOST_IMAGES for size in sizes)
        return 3 * sum(sizes) >= self.images and 4 * few >= 3 * len(sizes)

    def restarts_in_classes(self) -> bool:
        """Whether numbering restarts in each class: the same names occur in several classes."""
        crossing = [
            names for names in self.names.values() if len({n.class_name for n in names}) > 1
        ]
        equal = sum(len({name.stem for name in names}) < len(names) for names in crossing)
        return 2 * equal > len(crossing)


def patient_pattern(files: Iterable[tuple[str, str]]) -> str | None:
    """Propose a regular expression for `data.group_by` whose first group may be the patient.

    Args:
        files: (path, class) of each image.

    Returns:
        None if the names follow no such scheme.
    """
    schemes = [scheme for scheme in _coarsest(list(files)) if scheme.is_of_patients()]
    if not schemes:
        return None
    schemes.sort(key=lambda scheme: (-scheme.images, scheme.pattern))
    first = schemes[:_MAX_SCHEMES]
    shared = "|".join(scheme.pattern for scheme in first)
    if any(scheme.restarts_in_classes() for scheme in first):
        return f"([^/]+/(?:{shared}))[^/]*$"
    return f"(?:^|/)({shared})[^/]*$"


def _coarsest(files: list[tuple[str, str]]) -> Iterable[_Scheme]:
    """Assign every name to the first of its forms that is a numbering, if any is."""
    names = [
        (class_name, list(islice(_beginnings(path), _MAX_NUMBERS))) for path, class_name in files
    ]
    numberings = {form for form, scheme in _collect(names).items() if scheme.is_numbering()}
    return _collect(
        (class_name, [beginning for beginning in beginnings if beginning[0] in numberings][:1])
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
    """Yield (pattern, text, rest of the name) for the beginning of a name up to each number.

    Dates and hashes do not count as numbers: images of one day belong to many patients.
    """
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
