"""SVG to PNG without system libraries, with letters on machines that have no fonts too."""

from __future__ import annotations

import io
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import resvg_py
from PIL import Image, ImageFont

from reports.exports.missing_letters import missing_letters, with_drawn_letters

_ZOOM = 2.0  # pixels for each px: print at about 190 dpi
_LARGEST = 8000  # px a side; larger figures are drawn smaller
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">'
    '<text x="2" y="16" font-family="sans-serif" font-size="16">M</text></svg>'
)
# What the fallback font lacks, in letters that it has.
_PLAIN = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00d7": "x", "\u2009": " "})


def to_png(svg: str, system_fonts: bool = True) -> bytes:
    """Draw an SVG document on white.

    Text is set in the machine's fonts; where it has none (or `system_fonts` is False) in the small
    Latin font inside Pillow, with plain hyphens. Letters that these lack are drawn by
    `missing_letters`.
    """
    has_fonts = system_fonts and _has_fonts()
    if not has_fonts:
        svg = svg.translate(_PLAIN)
    text = "".join(ElementTree.fromstring(svg).itertext())
    if missing := _missing("".join(sorted(set(text))), has_fonts):
        svg = with_drawn_letters(svg, missing)
    width, height = _size(svg)
    return _render(svg, min(_ZOOM, _LARGEST / max(width, height)), has_fonts)


@lru_cache(maxsize=64)
def _missing(letters: str, system_fonts: bool) -> frozenset[str]:
    return missing_letters(letters, lambda probe: _pixels(_render(probe, 1.0, system_fonts)))


def _render(svg: str, zoom: float, system_fonts: bool) -> bytes:
    if system_fonts:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background="#ffffff"))
    with tempfile.TemporaryDirectory() as folder:
        font = Path(folder) / "font.ttf"
        font.write_bytes(_pillow_font())
        drawn = resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=zoom,
            background="#ffffff",
            skip_system_fonts=True,
            font_files=[str(font)],
            font_family="Aileron",
            sans_serif_family="Aileron",
        )
    return bytes(drawn)


def _pixels(drawing: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(drawing)).convert("RGB"))


@cache
def _has_fonts() -> bool:
    """Whether a letter leaves a mark."""
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=_PROBE))))
    return drawn.getbbox() is not None


@cache
def _pillow_font() -> bytes:
    font = ImageFont.load_default(12)
    return font.font_bytes if isinstance(font, ImageFont.FreeTypeFont) else b""


def _size(svg: str) -> tuple[float, float]:
    """Width and height in px of the document's view box."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    return width, height
