"""The contribution of training randomness to the error of a number.

`spreads` estimates the spread between trainings of a configuration over all configurations of a
run, because two or three trainings of one configuration determine its spread very poorly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reports.statistics.intervals import Error

IMAGES, TRAINED = "images", "images+trainings"
"""The scope of an interval: other test images for these networks, or other trainings too."""

LEAST_DEGREES = {"divisions": 2, "own": 3, "seeds": 2, "blocks": 2}
"""A spread that rests on fewer degrees of freedom is not used: the interval then covers the test
images only. By what the spread is of, see `spreads`."""

ENOUGH_DEGREES = 8
"""From here on a scenario's own spread is used, below it that of all scenarios together."""


@dataclass(frozen=True)
class Design:
    """The training of each of n cells: whole numbers (n,) each."""

    configuration: np.ndarray
    block: np.ndarray  # configurations whose trainings share luck
    division: np.ndarray  # of the images: repeat and fold
    seed: np.ndarray

    def units(self, kind: str, own: np.ndarray) -> int:
        """Independent trainings among the cells at positions `own`, all of one configuration."""
        columns = (self.division, self.seed) if kind == "seeds" else (self.division,)
        return len({tuple(int(one[i]) for one in columns) for i in own})


@dataclass(frozen=True)
class Spread:
    """A variance between trainings on the logit scale, for one training."""

    apart: float  # as observed
    by_chance: float  # the part due to test images alone
    degrees: float
    kind: str  # divisions | own | seeds | blocks

    @property
    def variance(self) -> float:
        return max(0.0, self.apart - self.by_chance)

    @property
    def enough(self) -> bool:
        """Whether it rests on enough degrees of freedom to be used."""
        return self.degrees >= LEAST_DEGREES[self.kind]


@dataclass(frozen=True)
class Spreads:
    """`single`: of one configuration's trainings. `related`: half the variance of the difference of
    two of one block, in which their common luck cancels."""

    single: Spread | None
    related: Spread | None


@dataclass(frozen=True)
class Trainings:
    """The trainings of n cells, and the spread between trainings in one metric."""

    design: Design
    scale: np.ndarray  # (n,)
    spreads: Spreads

    def error(self, images: Error, coefficients: np.ndarray) -> Error | None:
        """Of the sum of `coefficients` (n,) times the cells' numbers, from its error over the test
        groups alone; None where trainings are too few."""
        parts = list(self._units(coefficients))
        # a difference within each block: the luck that its members share cancels
        related = all(abs(own.sum()) <= 0.5 * np.abs(own).sum() for own in parts)
        spread = self.spreads.related if related else self.spreads.single
        if spread is None or not spread.enough:
            return None
        weight = sum((own**2).sum() if related else np.abs(own).sum() ** 2 for own in parts)
        return with_training(images, spread, float(weight))

    def _units(self, coefficients: np.ndarray) -> Iterator[np.ndarray]:
        """For each independent training of a block, what each of its configurations counts."""
        design, single = self.design, self.spreads.single
        by_seed = single is not None and single.kind == "seeds"
        units: dict[tuple[int, int, int], dict[int, float]] = {}
        for i in np.flatnonzero(coefficients):
            seed = int(design.seed[i]) if by_seed else 0
            unit = units.setdefault((int(design.block[i]), int(design.division[i]), seed), {})
            number = int(design.configuration[i])
            unit[number] = unit.get(number, 0.0) + float(coefficients[i] * self.scale[i])
        yield from (np.array(list(own.values())) for own in units.values())


def pooled(spreads: Sequence[Spread | None]) -> Spread | None:
    """One spread of several scenarios', weighted by their degrees of freedom."""
    known = [one for one in spreads if one is not None]
    if not known or len({one.kind for one in known}) > 1:
        return None
    weights = [one.degrees for one in known]
    apart = float(np.average([one.apart for one in known], weights=weights))
    by_chance = float(np.average([one.by_chance for one in known], weights=weights))
    return Spread(apart, by_chance, sum(weights), known[0].kind)


def chosen(own: Spread | None, everywhere: Spread | None) -> Spread | None:
    """A scenario's own spread where it rests on enough, else that of all scenarios, else none."""
    if own is not None and own.degrees >= ENOUGH_DEGREES:
        return own
    return next((one for one in (everywhere, own) if one is not None and one.enough), None)


def with_training(images: Error, spread: Spread, weight: float) -> Error:
    """The error of a number over test images and trainings; Satterthwaite's degrees of freedom.

    Args:
        images: its error over the test groups alone.
        weight: what the variance of one training counts in it: scale squared over their number.
    """
    own = spread.variance * weight
    if own == 0:
        return images
    total = images.value**2 + own
    doubt = images.value**4 / images.degrees + (spread.apart * weight) ** 2 / spread.degrees
    return Error(math.sqrt(total), max(1.0, total**2 / doubt))


def logit_scale(
    values: np.ndarray, configuration: np.ndarray, groups: np.ndarray, top: float = 1.0
) -> np.ndarray:
    """(n,), how far a metric of 0..`top` moves for one step on the logit scale: of each cell's
    configuration, at its mean, kept off the ends by one group each.

    Args:
        groups: (n,), tested by each cell.
    """
    scale = np.ones(len(values))
    for number in np.unique(configuration):
        own = (configuration == number) & ~np.isnan(values)
        if own.any():
            rows = float(groups[own].mean())
            share = (float(values[own].mean()) / top * rows + 1) / (rows + 2)
            scale[configuration == number] = top * share * (1 - share)
    return scale
