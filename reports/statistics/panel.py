"""The cells of one scenario under one split policy, their test groups resampled in all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reports.statistics import auroc
from reports.statistics.bootstrap import DRAWS, error_of, generator, group_weights, heavy_tailed
from reports.statistics.intervals import Error
from reports.statistics.measures import Measure, Terms, class_counts
from reports.statistics.outcomes import Outcomes
from reports.statistics.training import Design, Spread, logit_scale, with_training

Positions = Sequence[int]
_FEWER_DRAWS = 200

MeanArea = Callable[[Outcomes, Sequence[auroc.Area | None]], auroc.Area | None]
OfWeights = Callable[[Outcomes, np.ndarray | None], np.ndarray]
"""How often each row counts, (draws, n), or None for once -> a metric (draws,)."""


@dataclass(frozen=True)
class Numbers:
    """One metric of n cells."""

    values: np.ndarray  # (n,); NaN where it does not exist
    draws: np.ndarray  # (draws, n), with the groups resampled
    scale: np.ndarray  # (n,) its change for one step on the logit scale
    parts: np.ndarray | None = None  # (n, groups), what each group moves it; None: not known
    one_more: bool = False  # whether its error allows for one more group as bad as the worst one
    low: float = 0.0  # the metric's range
    high: float = 1.0

    def of(self, cells: np.ndarray) -> Numbers:
        """Those of some cells, by their positions."""
        return replace(
            self,
            values=self.values[cells],
            draws=self.draws[:, cells],
            scale=self.scale[cells],
            parts=None if self.parts is None else self.parts[cells],
        )

    @property
    def span(self) -> float:
        """The largest difference that two cells can have."""
        return self.high - self.low


class Panel:
    """n cells and the draws of their metrics."""

    def __init__(
        self,
        outcomes: Sequence[Outcomes],
        design: Design,
        name: object,
        draws: int = DRAWS,
        groups: np.ndarray | None = None,
    ) -> None:
        """`name`: what the random numbers depend on. `groups`: the sorted numbers of all groups
        that are resampled, if others than those of these cells are; panels with the same name and
        groups resample them alike."""
        self.outcomes, self.design = outcomes, design
        self.classes = outcomes[0].classes
        every = np.concatenate([one.groups for one in outcomes])
        known = np.unique(every) if groups is None else groups
        numbers = np.searchsorted(known, every)
        self._numbers = np.split(numbers, np.cumsum([len(one.groups) for one in outcomes])[:-1])
        self.groups = len(known)
        self._random = generator(name)
        self._weights = group_weights(self.groups, self._random, draws)
        self._sums: dict[Terms, list[np.ndarray]] = {}
        self._resampled: dict[Terms, list[np.ndarray]] = {}
        self.sums = self._by_groups(class_counts)
        labels = slice(self.classes, 2 * self.classes)
        self.tested = np.stack([one[:, labels].sum(axis=1) > 0 for one in self.sums])

    def counts(self, cell: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of class `number` in a cell: correct, labelled and predicted, (groups,) each."""
        columns = self.sums[cell][:, number :: self.classes].T
        return columns[0], columns[1], columns[2]

    def overall(self, measure: Measure) -> Numbers:
        """A metric of all rows of each cell."""
        sums, resampled = self._by_groups(measure.terms), self._draws_of(measure.terms)
        wholes = [one.sum(axis=0, keepdims=True) for one in sums]
        values = np.array([measure.value(one, self.classes)[0] for one in wholes])
        draws = np.stack([measure.value(one, self.classes) for one in resampled], axis=1)
        scale, parts = np.ones(len(sums)), None
        if measure.smooth:
            if math.isfinite(measure.high):
                scale = self._scale(values - measure.low, measure.high - measure.low)
            without_one = [measure.value(one.sum(axis=0) - one, self.classes) for one in sums]
            parts = values[:, None] - np.stack(without_one)
        return Numbers(values, draws, scale, parts, measure.one_more, measure.low, measure.high)

    def shares(self, rights: Sequence[np.ndarray], wholes: Sequence[np.ndarray]) -> Numbers:
        """Of each cell the sum of `rights` over that of `wholes`, (groups,) each."""
        total = np.array([one.sum() for one in wholes])
        whole = np.where(total > 0, total, np.nan)
        values = np.array([one.sum() for one in rights]) / whole
        parts = (np.stack(rights) - values[:, None] * np.stack(wholes)) / whole[:, None]
        return self._linear(values, parts)

    def areas(self, areas: Sequence[auroc.Area | None]) -> Numbers:
        """AUROCs, one for each cell."""
        values = np.array([np.nan if one is None else one.value for one in areas])
        parts = np.full((len(areas), self.groups), np.nan)
        for i, one in enumerate(areas):
            if one is not None:
                parts[i] = self.by_group(i, one.influence[:, None])[:, 0]
        return self._linear(values, parts)

    @cached_property
    def class_areas(self) -> list[list[auroc.Area | None]]:
        """The AUROC of each class against the rest, in each cell."""
        return [
            [auroc.one_vs_rest(one, number) for one in self.outcomes]
            for number in range(self.classes)
        ]

    def mean_areas(self, mean: MeanArea) -> list[auroc.Area | None]:
        """The AUROC of each cell over all classes."""
        of_cells = zip(*self.class_areas, strict=True)
        return [mean(one, own) for one, own in zip(self.outcomes, of_cells, strict=True)]

    def ranked(self, metric: OfWeights) -> Numbers:
        """A metric that is no function of sums, of each cell: its draws take long, so they are
        fewer."""
        values = np.array([metric(one, None)[0] for one in self.outcomes])
        draws = [
            metric(one, self._weights[:_FEWER_DRAWS, numbers])
            for one, numbers in zip(self.outcomes, self._numbers, strict=True)
        ]
        return Numbers(values, np.stack(draws, axis=1), self._scale(values, 1.0))

    def error(
        self, numbers: Numbers, own: Positions, spread: Spread | None, units: int | None = None
    ) -> Error:
        """Standard error of the mean over the cells at `own`, all of one configuration: over the
        test groups drawn and, with a `spread`, over its trainings.

        `units`: the groups that its precision rests on, where these are fewer than those tested.
        """
        at = list(own)
        tested = self.tested[at].any(axis=0)
        units = units or int(tested.sum())
        images = error_of(numbers.draws[:, at].mean(axis=1), units)
        if numbers.parts is not None:
            parts = numbers.parts[at].mean(axis=0)[tested]
            tail, once = heavy_tailed(parts), float(np.abs(parts).max())
            once = once if numbers.one_more else 0.0
            images = Error(math.hypot(images.value, once), max(1.0, min(images.degrees, tail)))
        if spread is None:
            return images
        trainings = self.design.units(spread.kind, np.array(at))
        weight = float(numbers.scale[at].mean()) ** 2 / trainings
        return with_training(images, spread, weight)

    def labels_drawn(self, own: Positions, draws: int) -> np.ndarray:
        """ECE (draws,) of the mean over the cells at `own` were their probabilities right: labels
        drawn from them, rows of one group together."""
        uniform = self._random.random((draws, self.groups))
        found = np.zeros(draws)
        for i in own:
            one = self.outcomes[i]
            confidence, bins = one.confidence, one.bins
            right = uniform[:, self._numbers[i]] < confidence
            gaps = (right - confidence) @ np.eye(int(bins.max()) + 1)[bins]
            found += np.abs(gaps).sum(axis=1) / len(confidence)
        return found / len(own)

    def _by_groups(self, terms: Terms) -> list[np.ndarray]:
        """The terms of each cell added up by group, (groups, columns) each."""
        if terms not in self._sums:
            self._sums[terms] = [
                self.by_group(i, terms(one)) for i, one in enumerate(self.outcomes)
            ]
        return self._sums[terms]

    def _draws_of(self, terms: Terms) -> list[np.ndarray]:
        """The sums of each cell with the groups resampled, (draws, columns) each."""
        if terms not in self._resampled:
            self._resampled[terms] = [self._weights @ one for one in self._by_groups(terms)]
        return self._resampled[terms]

    def _linear(self, values: np.ndarray, parts: np.ndarray) -> Numbers:
        draws = values + (self._weights - 1) @ parts.T
        return Numbers(values, draws, self._scale(values, 1.0), parts)

    def _scale(self, values: np.ndarray, top: float) -> np.ndarray:
        return logit_scale(values, self.design.configuration, self.tested.sum(axis=1), top)

    def by_group(self, cell: int, rows: np.ndarray) -> np.ndarray:
        """(n, columns) -> (groups, columns)."""
        sums = np.zeros((self.groups, rows.shape[1]))
        np.add.at(sums, self._numbers[cell], rows)
        return sums
