"""The cells of one scenario under one split policy, their test groups resampled in all at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reports.statistics import auroc
from reports.statistics.bootstrap import DRAWS, error_of, generator, group_weights, heavy_tailed
from reports.statistics.intervals import Error
from reports.statistics.measures import AVERAGES, metrics_of, row_sums
from reports.statistics.outcomes import Outcomes
from reports.statistics.training import Design, Spread, logit_scale, with_training

Positions = Sequence[int]


@dataclass(frozen=True)
class Numbers:
    """One metric of n cells."""

    values: np.ndarray  # (n,); NaN where it does not exist
    draws: np.ndarray  # (draws, n), with the groups resampled
    scale: np.ndarray  # (n,) its change for one step on the logit scale
    parts: np.ndarray | None = None  # (n, groups), what each group moves it; None: not known
    one_more: bool = False  # whether its error allows for one more such group as the worst


class Panel:
    """n cells and the draws of their metrics."""

    def __init__(
        self, outcomes: Sequence[Outcomes], design: Design, name: object, draws: int = DRAWS
    ) -> None:
        """`name`: what the random numbers depend on."""
        self.outcomes, self.design = outcomes, design
        self.classes = outcomes[0].classes
        every = np.concatenate([one.groups for one in outcomes])
        known, numbers = np.unique(every, return_inverse=True)
        self._numbers = np.split(numbers, np.cumsum([len(one.groups) for one in outcomes])[:-1])
        self.groups = len(known)
        self._random = generator(name)
        self._weights = group_weights(self.groups, self._random, draws)
        self.sums = [self._by_group(i, row_sums(one)) for i, one in enumerate(outcomes)]
        labels = slice(self.classes, 2 * self.classes)
        self.tested = np.stack([one[:, labels].sum(axis=1) > 0 for one in self.sums])

    def overall(self, metric: str) -> Numbers:
        """One of `measures.AVERAGES`."""
        values, draws = self._overall
        top = 2.0 if metric == "brier" else 1.0
        scale = np.ones(len(self.sums)) if metric == "ece" else self._scale(values[metric], top)
        parts = None if metric == "ece" else values[metric][:, None] - self._without_one[metric]
        return Numbers(values[metric], draws[metric], scale, parts, metric == "brier")

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
                parts[i] = self._by_group(i, one.influence[:, None])[:, 0]
        return self._linear(values, parts)

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

    @cached_property
    def _overall(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        found = [
            (
                metrics_of(one.sum(axis=0, keepdims=True), self.classes),
                metrics_of(self._weights @ one, self.classes),
            )
            for one in self.sums
        ]
        return (
            {metric: np.array([one[metric][0] for one, _ in found]) for metric in AVERAGES},
            {metric: np.stack([own[metric] for _, own in found], axis=1) for metric in AVERAGES},
        )

    @cached_property
    def _without_one(self) -> dict[str, np.ndarray]:
        """(n, groups), each metric with one group left out."""
        found = [metrics_of(one.sum(axis=0) - one, self.classes) for one in self.sums]
        return {metric: np.stack([own[metric] for own in found]) for metric in AVERAGES}

    def _linear(self, values: np.ndarray, parts: np.ndarray) -> Numbers:
        draws = values + (self._weights - 1) @ parts.T
        return Numbers(values, draws, self._scale(values, 1.0), parts)

    def _scale(self, values: np.ndarray, top: float) -> np.ndarray:
        return logit_scale(values, self.design.configuration, self.tested.sum(axis=1), top)

    def _by_group(self, cell: int, rows: np.ndarray) -> np.ndarray:
        """(n, columns) -> (groups, columns)."""
        sums = np.zeros((self.groups, rows.shape[1]))
        np.add.at(sums, self._numbers[cell], rows)
        return sums
