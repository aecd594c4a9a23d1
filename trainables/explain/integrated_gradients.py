"""Integrated Gradients of the whole model with respect to the pixels.

IG_i(x) = (x_i - x'_i) * integral over a in 0..1 of dF(x' + a (x - x')) / dx_i
(Sundararajan, Taly, Yan 2017, Eq. 1). F is a score of the target class, x' a baseline. By
completeness the attributions sum to F(x) - F(x'); the difference is `delta`.

The integral is a trapezoid rule that refines itself: on an interval of the path the rule must give
the rise of F, which is known, so further points go where that fails, in proportion to the error,
until the map is complete to 1 %. Every gradient is used. A network of ReLUs has a gradient with
jumps, for which rules of higher order gain nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from trainables.explain.baselines import as_pixels, baselines_of
from trainables.explain.method import Attribution, Method, Options
from trainables.explain.score import Score

TOLERANCE = 0.01  # of |F(x) - F(x')|: the largest |delta| of a map that is shown
_TOTAL_ERROR = 0.25  # the same for the errors of all intervals, which must not merely cancel
FIRST_STEPS = 9  # points of the path to begin with
_BATCH = 16  # gradients at once

Scorer = Callable[[Tensor], Tensor]  # pixels (B, 3, H, W) float32 0..255 -> (B, classes)


class IntegratedGradients(Method):
    name = "integrated_gradients"
    title = "Integrated Gradients"
    has_baseline = True
    compares_baselines = True

    def passes(self, max_steps: int, random_baselines: int) -> tuple[float, float]:
        return 2 * 0.5 * min(FIRST_STEPS, max_steps), 2 * max_steps * random_baselines

    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        return attribute(
            model,
            image,
            target,
            baseline=options.baseline,
            max_steps=options.max_steps,
            random_baselines=options.random_baselines,
            seed=options.seed,
            device=options.device,
            until=options.until,
        )


def attribute(
    model: Scorer,
    image: np.ndarray,
    target: int,
    *,
    baseline: str,
    max_steps: int,
    random_baselines: int = 1,
    seed: int = 0,
    device: torch.device | None = None,
    until: float = math.inf,
) -> Attribution:
    """Attribute the score of class `target` to the pixels of an image (H, W, 3) uint8.

    `max_steps` bounds the gradients for each baseline, and none is begun after `until`, a time of
    `time.perf_counter`. Raises ValueError for an unknown baseline.
    """
    device = device or torch.device("cpu")
    pixels = as_pixels(image).to(device)
    starts = baselines_of(baseline, image, random_baselines, seed)
    paths = [_Path(model, pixels, start.to(device), target) for start in starts]
    for path in paths:
        _refine(path, max_steps, until)
    change = float(np.mean([path.change for path in paths]))
    mean = np.mean([path.integral() for path in paths], axis=0)  # (H, W) float64
    return Attribution(
        mean.astype(np.float32),
        baseline,
        change,
        float(mean.sum()) - change,
        sum(len(path.positions) for path in paths),
        all(path.converged for path in paths),
    )


def _refine(path: _Path, max_steps: int, until: float) -> None:
    path.evaluate(np.linspace(0, 1, min(FIRST_STEPS, max_steps)))
    while path.is_finite and not path.converged:
        count = min(_BATCH, max_steps - len(path.positions))
        if count == 0 or time.perf_counter() > until:
            return
        path.evaluate(path.next_positions(count))


class _Path:
    """The straight path from a baseline (0) to the image (1), and what was computed on it, in order
    of position: the scores (n,), and the gradients times x - x', summed over channels (n, H, W) and
    over all pixels (n,)."""

    def __init__(self, model: Scorer, pixels: Tensor, start: Tensor, target: int) -> None:
        self._model, self._start, self._difference = model, start, pixels - start
        self._target = target
        self.positions, self.scores, self.slopes = np.empty(0), np.empty(0), np.empty(0)
        self.gradients = np.empty((0, *pixels.shape[-2:]), np.float32)

    def evaluate(self, positions: np.ndarray) -> None:
        """Add points to the path."""
        scores, gradients = [self.scores], [self.gradients]
        for some in np.array_split(positions, -(-len(positions) // _BATCH)):
            at = torch.from_numpy(some).float().view(-1, 1, 1, 1).to(self._start.device)
            points = (self._start + at * self._difference).requires_grad_(True)
            found = self._model(points)[:, self._target]
            (gradient,) = torch.autograd.grad(found.sum(), points)
            scores.append(found.detach().double().cpu().numpy())
            gradients.append((gradient * self._difference).sum(1).cpu().numpy())
        every = np.concatenate([self.positions, positions])
        order = np.argsort(every, kind="stable")
        self.positions = every[order]
        self.scores = np.concatenate(scores)[order]
        self.gradients = np.concatenate(gradients)[order]
        self.slopes = self.gradients.sum((1, 2), dtype=np.float64)

    @property
    def change(self) -> float:
        """F(x) - F(x')."""
        return float(self.scores[-1] - self.scores[0])

    @property
    def gaps(self) -> np.ndarray:
        """By how much the rule misses the rise of the score on each interval, (n - 1,)."""
        risen = np.diff(self.positions) * (self.slopes[:-1] + self.slopes[1:]) / 2
        return np.asarray(risen - np.diff(self.scores))

    def next_positions(self, count: int) -> np.ndarray:
        """Where further points are worth most: the quantiles of the error along the path."""
        errors = np.abs(self.gaps) + np.finfo(float).tiny
        upto = np.concatenate([[0], np.cumsum(errors)])
        at = (np.arange(count) + 0.5) / count * upto[-1]
        return np.asarray(np.interp(at, upto, self.positions))

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.scores).all() and np.isfinite(self.slopes).all())

    @property
    def converged(self) -> bool:
        """Whether the map is complete to 1 %, and not because errors cancel."""
        if not self.is_finite:
            return False
        size, gaps = abs(self.change), self.gaps
        total = float(np.abs(gaps).sum())
        return size > 0 and abs(gaps.sum()) <= TOLERANCE * size and total <= _TOTAL_ERROR * size

    def integral(self) -> np.ndarray:
        """The attributions by the trapezoid rule, (H, W) float64."""
        return np.asarray(np.trapezoid(self.gradients.astype(np.float64), self.positions, axis=0))
