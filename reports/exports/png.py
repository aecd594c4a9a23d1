"""SVG to PNG without system libraries, with letters on machines that have no fonts too."""

from __future__ import annotations

import io
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np
import resvg_py
from PIL import Image

from reports.exports.missing_letters import SVG, missing_letters, visible_text, with_drawn_letters

_ZOOM = 2.0  # pixels for each px: print at about 190 dpi
_LARGEST = 8000  # px a side; larger figures are drawn smaller


def to_png(svg: str, system_fonts: bool = True) -> bytes:
    """Draw an SVG document on white.

    Text is set in the machine's fonts; letters that these lack, or all if `system_fonts` is False,
    are drawn by `missing_letters`.
    """
    root = ElementTree.fromstring(svg)
    letters = "".join(sorted(set("".join(visible_text(root).split()))))
    if missing := _missing(letters, system_fonts):
        with_drawn_letters(root, missing)
        ElementTree.register_namespace("", SVG[1:-1])
        svg = ElementTree.tostring(root, encoding="unicode")
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    return _render(svg, system_fonts, min(_ZOOM, _LARGEST / max(width, height)))


@lru_cache(maxsize=64)
def _missing(letters: str, system_fonts: bool) -> frozenset[str]:
    def draw(svg: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(_render(svg, system_fonts))).convert("RGB"))

    return missing_letters(letters, draw)


def _render(svg: str, system_fonts: bool, zoom: float = 1.0) -> bytes:
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, zoom=zoom, background="#ffffff", skip_system_fonts=not system_fonts
    )
    return bytes(drawn)
