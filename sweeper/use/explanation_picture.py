"""Draw an explanation as one picture: the image, the attribution map, both, and a legend."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import cv2
import numpy as np
from markupsafe import Markup
from PIL import Image

from reports.exports.png import to_png
from reports.exports.standalone import standalone
from reports.figures.letters import shortened
from reports.figures.svg import element, join
from trainables.explain import Attribution, Method

_RED, _BLUE = (203, 24, 29), (33, 102, 172)
_FULL_AT = 0.99  # quantile of |attribution| drawn in full colour
_SIDE, _GAP = 224, 12  # px of a panel, and around it
_WIDTH = 3 * _SIDE + 4 * _GAP
_MAX_CHARACTERS = 110  # per line
_MAX_CLASS_CHARACTERS = 60  # so that the probability after the class name is not cut off
_MAX_LEGEND_CHARACTERS = 50  # per half of the legend


def explanation_picture(
    image: np.ndarray,
    attribution: Attribution,
    method: Method,
    score: str,
    name: str,
    class_name: str,
    probability: float,
) -> bytes:
    """Draw three panels with a legend as PNG; of a map that did not converge, only the image.

    Args:
        image: (N, N, 3) uint8, as the network sees it.
        attribution: of the `score` of the class `class_name`.
        method: that gave it.
        name: the image's file name.
        class_name, probability: the prediction.
    """
    signed = _smooth(attribution.map)
    white = np.full_like(image, 255)
    panels = [("as the network sees it", Image.fromarray(image))]
    if attribution.converged:
        panels.append((method.title, overlay(white, signed)))
        panels.append(("both", overlay(image, signed)))
    named = shortened(class_name, _MAX_CLASS_CHARACTERS)
    parts = [
        _line(f"{named}, {100 * probability:.1f} %", 24, size=15, weight="600"),
        _line(name, 42, fill="#5f6067"),
    ]
    for number, (caption, picture) in enumerate(panels):
        x = _GAP + number * (_SIDE + _GAP)
        parts.append(_panel(picture, x, 54))
        parts.append(_line(caption, 54 + _SIDE + 15, x=x, fill="#5f6067"))
    y = 54 + _SIDE + 38
    parts += _legend(named, method, y) if attribution.converged else []
    for text in _convergence(attribution, score.replace("_", "-")):
        y += 20
        parts.append(_line(text, y))
    height = y + _GAP
    figure = element(
        "svg", join(parts), width=_WIDTH, height=height, viewBox=f"0 0 {_WIDTH} {height}"
    )
    return to_png(standalone(figure))


def overlay(image: np.ndarray, attributions: np.ndarray) -> Image.Image:
    """`attributions` (N, N) in colour over the grey `image` (N, N, 3): red where positive."""
    strongest = float(np.quantile(np.abs(attributions), _FULL_AT)) or 1.0
    strength = np.clip(np.abs(attributions) / strongest, 0, 1)[..., None]
    colour = np.where(attributions[..., None] > 0, np.array(_RED), np.array(_BLUE))
    grey = image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return Image.fromarray(np.uint8(np.rint(grey * (1 - strength) + colour * strength)))


def _smooth(attributions: np.ndarray) -> np.ndarray:
    """Blur by a pixel or two, as single pixels look like noise."""
    sigma = max(1.0, attributions.shape[0] / 112)
    return np.asarray(cv2.GaussianBlur(attributions, (0, 0), sigma), np.float32)


def _convergence(attribution: Attribution, score: str) -> Iterator[str]:
    """The sums, and whether they agree."""
    change, delta = attribution.change, attribution.delta
    if change is None or delta is None:
        yield f"Map of the {score}; its values need not sum to a difference of scores."
        return
    yield f"The {score} differs from that of a {attribution.baseline} image by {change:+.3f}."
    if attribution.converged:
        yield f"The map sums to {change + delta:+.3f}: it converged in {attribution.steps} steps."
    else:
        yield (
            f"The map would sum to {change + delta:+.3f} after {attribution.steps} steps: "
            "it did not converge and is not shown."
        )


def _legend(class_name: str, method: Method, y: int) -> list[Markup]:
    parts, x = [], float(_GAP)
    entries = [(_RED, "what the network attends to, for any class")]
    if method.is_of_class:
        entries = [(_RED, f"evidence for {class_name}"), (_BLUE, "evidence against it")]
    for colour, words in entries:
        fill = "#{:02x}{:02x}{:02x}".format(*colour)
        parts.append(element("rect", x=x, y=y - 9, width=10, height=10, fill=fill))
        parts.append(_line(words, y, x=x + 15, most=_MAX_LEGEND_CHARACTERS))
        x = _WIDTH / 2
    return parts


def _line(
    text: str,
    y: int,
    *,
    x: float = _GAP,
    size: int = 11,
    weight: str = "",
    fill: str = "#000000",
    most: int = _MAX_CHARACTERS,
) -> Markup:
    shown = shortened(text, most * 11 // size)
    style = f"font-size: {size}px; fill: {fill}"
    return element("text", shown, x=x, y=y, style=style, font_weight=weight)


def _panel(picture: Image.Image, x: int, y: int) -> Markup:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    address = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return element("image", x=x, y=y, width=_SIDE, height=_SIDE, href=address)
