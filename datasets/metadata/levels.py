"""Divide a column of metadata into levels: the values of a category, or bins of a number.

age             decades, 90 and older together
other numbers   quarters of the images, by quartiles
texts           the values as written most often, in any case; the rarest of many together
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from datasets.metadata.private import words_of

OLDEST = 90  # years: from here on an age may identify a person
_MOST_LEVELS = 12
_FEW_NUMBERS = 8  # so few different numbers are categories, such as grades
_AGE = frozenset({"age", "ages", "alter"})
_MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "nil", "?", "-", "unknown", "not known", "missing", "nd"}
)


@dataclass(frozen=True)
class Levels:
    """A column's levels.

    Attributes:
        names: in order.
        of: the level of each image, -1 where the value is missing.
        numbers: the values of a numeric column, NaN where missing (ages at most `OLDEST`); None of
            a category.
        binning: how numbers were binned: decades | quartiles | "".
    """

    names: list[str]
    of: list[int]
    numbers: list[float] | None = None
    binning: str = ""


def levels_of(name: str, values: Sequence[str]) -> Levels:
    """The levels of a column; `values`: a text an image, see `_MISSING` for those without one."""
    texts = ["" if value.strip().casefold() in _MISSING else value.strip() for value in values]
    numbers = [_number(text) for text in texts]
    known = [number for number in numbers if not math.isnan(number)]
    all_numbers = len(known) == sum(map(bool, texts)) > 0
    if all_numbers and _AGE & set(words_of(name)):
        return _decades(numbers)
    if all_numbers and len(set(known)) > _FEW_NUMBERS:
        return _quarters(numbers)
    return _categories(texts)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _decades(numbers: list[float]) -> Levels:
    ages = [min(number, float(OLDEST)) for number in numbers]
    starts = [None if math.isnan(age) else int(age // 10) * 10 for age in ages]
    there = sorted({start for start in starts if start is not None})
    names = [f"{OLDEST} and older" if s >= OLDEST else f"{s}-{s + 9}" for s in there]
    of = [-1 if start is None else there.index(start) for start in starts]
    return Levels(names, of, ages, "decades")


def _quarters(numbers: list[float]) -> Levels:
    known = np.array([number for number in numbers if not math.isnan(number)])
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75]))
    edges = edges[edges < known.max()]  # nothing lies above it
    bounds = [f"{edge:.6g}" for edge in edges]
    names = [f"up to {bounds[0]}"] if bounds else ["all"]
    names += [f"above {low} to {high}" for low, high in pairwise(bounds)]
    names += [f"above {bounds[-1]}"] if bounds else []
    of = [-1 if math.isnan(n) else int(np.searchsorted(edges, n)) for n in numbers]
    return Levels(names, of, list(numbers), "quartiles")


def _categories(texts: list[str]) -> Levels:
    spellings = Counter(text for text in texts if text)
    keys = Counter(text.casefold() for text in texts if text)
    common = sorted(keys, key=lambda key: (-keys[key], key))
    kept = common if len(common) <= _MOST_LEVELS else common[: _MOST_LEVELS - 1]
    shown: dict[str, str] = {}
    for text, _ in sorted(spellings.items(), key=lambda pair: (-pair[1], pair[0])):
        shown.setdefault(text.casefold(), text)
    ordered = sorted(kept, key=_natural)
    names = [shown[key] for key in ordered]
    if len(common) > len(kept):
        names.append(f"{len(common) - len(kept)} other values")
    place = {key: number for number, key in enumerate(ordered)}
    of = [place.get(text.casefold(), len(ordered)) if text else -1 for text in texts]
    return Levels(names, of)


def _natural(key: str) -> tuple[bool, float, str]:
    """Numbers by size, before texts by letter."""
    number = _number(key)
    return math.isnan(number), 0.0 if math.isnan(number) else number, key
