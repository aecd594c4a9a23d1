"""Learning curves of one cell: every trial thin, the champion bold, validation over training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from reports.figures.svg import Scale, element, join, number, round_ticks

WIDTH, HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 8, 20
_MOST_POINTS = 60  # of a thin line; the champion keeps every epoch
_MOST_TRIALS = 24


@dataclass(frozen=True)
class Curve:
    """One trial's values by epoch (epochs and values of equal length)."""

    epochs: Sequence[float]
    train: Sequence[float]
    val: Sequence[float]
    champion: bool = False
    stopped: bool = False
    best_epoch: float | None = None


def learning_curves(
    curves: Sequence[Curve], title: str, *, share: bool, rungs: Sequence[int] = ()
) -> Markup:
    """Draw `curves`. `share`: the values are accuracies, shown from 0 to 100 %. `rungs`: the epochs
    at which trials could be stopped."""
    if not curves:
        return Markup("")
    epochs = [epoch for curve in curves for epoch in curve.epochs]
    x = Scale(min(epochs), max(epochs), _LEFT, WIDTH - _RIGHT)
    top = 1.0 if share else _loss_limit(curves)
    y = Scale(0.0, top, HEIGHT - _BOTTOM, _TOP)
    thin = [curve for curve in curves if not curve.champion][:_MOST_TRIALS]
    bold = [curve for curve in curves if curve.champion]
    parts = [_frame(x, y, share)]
    parts += [_rung(rung, x) for rung in rungs if x.low <= rung <= x.high]
    parts += [_trial(curve, x, y) for curve in [*thin, *bold]]
    return element(
        "svg",
        join(parts),
        class_="curves",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} by epoch",
    )


def _loss_limit(curves: Sequence[Curve]) -> float:
    """Show all of the champion and most of the others: a diverging trial must not flatten them."""
    own = [v for c in curves if c.champion for v in (*c.train, *c.val) if math.isfinite(v)]
    every = [v for c in curves for v in (*c.train, *c.val) if math.isfinite(v)]
    if not every:
        return 1.0
    return 1.05 * max([float(np.quantile(every, 0.95)), *own]) or 1.0


def _frame(x: Scale, y: Scale, share: bool) -> Markup:
    parts = []
    for value in round_ticks(y.low, y.high, 5):
        height = y(value)
        text = f"{100 * value:.0f}" if share else f"{value:g}"
        parts.append(_line(_LEFT, WIDTH - _RIGHT, height, height, "guide"))
        parts.append(element("text", text, x=float(_LEFT - 5), y=height + 3.5, text_anchor="end"))
    for value in [tick for tick in round_ticks(x.low, x.high, 6) if tick == int(tick)]:
        parts.append(
            element("text", f"{value:.0f}", x=x(value), y=HEIGHT - 5.0, text_anchor="middle")
        )
    return join(parts)


def _rung(epoch: int, x: Scale) -> Markup:
    name = element("title", f"rung at epoch {epoch}")
    at = number(x(epoch))
    return element("path", name, d=f"M{at} {_TOP}V{HEIGHT - _BOTTOM + 4}", class_="rung")


def _trial(curve: Curve, x: Scale, y: Scale) -> Markup:
    weight = "champion" if curve.champion else "thin"
    parts = [
        _path(curve.epochs, curve.train, x, y, f"train {weight}"),
        _path(curve.epochs, curve.val, x, y, f"val {weight}"),
    ]
    if curve.stopped:
        parts.append(_end_mark(curve, x, y))
    if curve.champion and curve.best_epoch is not None:
        parts.append(_best_mark(curve, curve.best_epoch, x, y))
    return join(parts)


def _path(
    epochs: Sequence[float], values: Sequence[float], x: Scale, y: Scale, kind: str
) -> Markup:
    """A line as relative steps; a thin line in whole pixels, to keep a page of 60 cells small."""
    exact = "champion" in kind
    points = [(x(e), y(v)) for e, v in zip(epochs, values, strict=True) if math.isfinite(v)]
    if not exact and len(points) > _MOST_POINTS:
        chosen = np.linspace(0, len(points) - 1, _MOST_POINTS).round().astype(int)
        points = [points[index] for index in chosen]
    if not points:
        return Markup("")
    decimals = 1 if exact else 0
    rounded = [(round(px, decimals), round(py, decimals)) for px, py in points]
    steps = [f"M{number(rounded[0][0])} {number(rounded[0][1])}l"]
    for (x0, y0), (x1, y1) in itertools.pairwise(rounded):
        dy = number(y1 - y0)
        steps.append(f"{number(x1 - x0)}{'' if dy.startswith('-') else ' '}{dy}")
    path = steps[0] + " ".join(steps[1:]) if len(steps) > 1 else f"{steps[0]}0 0"
    return element("path", d=path, class_=kind)


def _end_mark(curve: Curve, x: Scale, y: Scale) -> Markup:
    finite = [(e, v) for e, v in zip(curve.epochs, curve.val, strict=True) if math.isfinite(v)]
    if not finite:
        return Markup("")
    cx, cy = x(finite[-1][0]), y(finite[-1][1])
    cross = f"M{number(cx - 2.5)} {number(cy - 2.5)}l5 5m0-5l-5 5"
    return element("path", d=cross, class_="stop")


def _best_mark(curve: Curve, best_epoch: float, x: Scale, y: Scale) -> Markup:
    value = dict(zip(curve.epochs, curve.val, strict=True)).get(best_epoch, math.nan)
    if not math.isfinite(value):
        return Markup("")
    return element("circle", cx=x(best_epoch), cy=y(value), r=3.5, class_="best")


def _line(x1: float, x2: float, y1: float, y2: float, kind: str) -> Markup:
    return element("line", x1=float(x1), x2=float(x2), y1=float(y1), y2=float(y2), class_=kind)
