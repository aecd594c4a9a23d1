"""Integrated Gradients of the whole model with respect to the pixels.

IG_i(x) = (x_i - x'_i) * integral over a in 0..1 of dF(x' + a (x - x')) / dx_i
(Sundararajan, Taly, Yan 2017, Eq. 1). F is a score of the target class (`SCORES`), x' a baseline
(`BASELINES`). By completeness the attributions sum to F(x) - F(x'); the difference is `delta`.

The integral is a trapezoid rule that refines itself: on an interval of the path the rule must give
the rise of F, which is known, so further points go where that fails, in proportion to the error,
until the map is complete to 1 %. Every gradient is used. A network of ReLUs has a gradient with
jumps, for which rules of higher order gain nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from trainables.registry import BASELINES, SCORES

EXPLAIN_VERSION = 3
TOLERANCE = 0.01  # of |F(x) - F(x')|: the largest |delta| of a map that is shown
_TOTAL_ERROR = 0.25  # the same for the errors of all intervals, which must not merely cancel
FIRST_STEPS = 9  # points of the path to begin with
_BATCH = 16  # gradients at once
_BLUR = 0.1  # standard deviation of the blurred baseline, in sides of the image

Scorer = Callable[[Tensor], Tensor]  # pixels (B, 3, H, W) float32 0..255 -> (B, classes)


@dataclass(frozen=True)
class Attribution:
    """An attribution map: signed, summed over channels, (H, W) float32, in units of the score.

    `change` is F(x) - F(x'), `steps` the number of gradients it took. With several baselines, the
    map, `change` and `delta` are means, and `converged` says that each of them converged.
    """

    map: np.ndarray
    baseline: str
    change: float
    delta: float
    steps: int
    converged: bool


class Score(nn.Module):
    """What is explained: a score of each class, from a network of logits in eval mode.

    `log_probability` is the log of the softmax: it keeps rising where the softmax is flat at 1, and
    unlike a logit it says something about one class against the others. `temperature` divides the
    logits before it (Guo et al. 2017).
    """

    def __init__(
        self, network: nn.Module, score: str = "log_probability", temperature: float = 1.0
    ) -> None:
        super().__init__()
        if score not in SCORES:
            raise ValueError(f"score={score!r}: expected one of {', '.join(SCORES)}")
        self.network = network.eval().requires_grad_(False)
        self.score, self.temperature = score, temperature

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels) / self.temperature
        if self.score == "logit":
            return logits
        return logits.softmax(1) if self.score == "probability" else logits.log_softmax(1)


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
    pixels = _pixels(image).to(device)
    starts = _baselines(baseline, image, random_baselines, seed)
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


def _pixels(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def _baselines(name: str, image: np.ndarray, count: int, seed: int) -> list[Tensor]:
    pixels = _pixels(image)
    if name == "black":
        return [torch.zeros_like(pixels)]
    if name == "mean":
        return [pixels.mean((2, 3), keepdim=True).expand_as(pixels)]
    if name == "blurred":
        blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * max(image.shape[:2]))
        return [_pixels(blurred)]
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        return [torch.rand(pixels.shape, generator=generator) * 255 for _ in range(count)]
    raise ValueError(f"baseline={name!r}: expected one of {', '.join(BASELINES)}")
