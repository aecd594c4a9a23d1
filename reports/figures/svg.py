"""The few SVG primitives the figures share: numbers, elements, scales and ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape


def number(value: float) -> str:
    """A coordinate with at most one decimal: 3.0 -> '3', -0.04 -> '0'."""
    text = f"{value:.1f}"
    text = text.removesuffix(".0")
    return "0" if text == "-0" else text


def element(name: str, content: str | Markup = "", **attributes: object) -> Markup:
    """One SVG element; `class_` and `stroke_width` become `class` and `stroke-width`."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    if not content:
        return Markup(f"<{name}{pairs}/>")
    return Markup(f"<{name}{pairs}>{escape(content)}</{name}>")


def join(parts: Iterable[Markup]) -> Markup:
    """Elements one after the other."""
    return Markup("".join(parts))  # a plain join: Markup's own escapes again


def _value(value: object) -> object:
    return number(value) if isinstance(value, float) else value


@dataclass(frozen=True)
class Scale:
    """A linear map from [low, high] to [start, end], clipped at both ends."""

    low: float
    high: float
    start: float = 0.0
    end: float = 100.0

    def __call__(self, value: float) -> float:
        width = self.high - self.low
        share = (value - self.low) / width if width else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round numbers within [low, high], a step of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next((step * m for m in (1, 2, 5, 10) if span / (step * m) <= most - 1), step * 10)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) + 0.0 for index in range(first, last + 1)]
