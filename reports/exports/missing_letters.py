"""Draw letters that the machine's fonts lack, such as Chinese ones on a server.

OpenCV carries a font of its own with 30 000 letters (WenQuanYi Micro Hei). A text with letters that
no other font has is drawn with it and put into the figure as a picture, in its place.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from functools import cache
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import ImageColor

SVG = "{http://www.w3.org/2000/svg}"
_NO_LETTER = "\U0010fffe"  # no font has it
_CELL = 24  # px of a probe
_SCALE = 4  # pixels of the picture for each px of the figure

Draw = Callable[[str], np.ndarray]  # an SVG document -> (H, W, 3) uint8


def missing_letters(letters: Collection[str], draw: Draw) -> frozenset[str]:
    """Those letters that look like one which no font has: a box, or nothing without any font."""
    probes = [_NO_LETTER, *letters]
    marks = "".join(
        f'<text x="{i * _CELL + 4}" y="18" font-family="sans-serif" font-size="14">'
        f"&#{ord(one)};</text>"
        for i, one in enumerate(probes)
    )
    box = f'viewBox="0 0 {len(probes) * _CELL} {_CELL}"'
    drawn = draw(f'<svg xmlns="{SVG[1:-1]}" {box}>{marks}</svg>')
    none, *cells = np.split(drawn[:, : len(probes) * _CELL], len(probes), axis=1)
    return frozenset(
        one for one, cell in zip(letters, cells, strict=True) if np.array_equal(cell, none)
    )


def with_drawn_letters(root: ElementTree.Element, missing: Collection[str]) -> None:
    """Put a picture in place of each text that has one of the missing letters."""
    for parent in root.iter():
        for place, element in enumerate(list(parent)):
            if element.tag == f"{SVG}text" and set(visible_text(element)) & set(missing):
                parent[place] = _picture(element)


def visible_text(element: ElementTree.Element) -> str:
    """The letters of a text, or of all texts below: not their tooltips."""
    parts = ["" if element.tag == f"{SVG}title" else element.text or ""]
    parts += [visible_text(child) + (child.tail or "") for child in element]
    return "".join(parts)


def _picture(element: ElementTree.Element) -> ElementTree.Element:
    size = float(element.get("font-size", "10").removesuffix("px"))
    text = " ".join(visible_text(element).split())
    opacity = _drawn(text, round(size * _SCALE), element.get("font-weight", ""))
    ink = ImageColor.getrgb(element.get("fill", "#000000"))[:3]
    pixels = np.dstack([np.full((*opacity.shape, 3), ink[::-1], np.uint8), opacity])  # BGRA
    height, width = (side / _SCALE for side in opacity.shape)
    before = {"end": 1.0, "middle": 0.5}.get(element.get("text-anchor", ""), 0.0)
    png = base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()
    attributes = {
        "x": f"{float(element.get('x', '0')) - before * width:.2f}",
        "y": f"{float(element.get('y', '0')) - 2 * size:.2f}",  # the base line is there
        "width": f"{width:.2f}",
        "height": f"{height:.2f}",
        "href": f"data:image/png;base64,{png}",
        "transform": element.get("transform", ""),
    }
    return ElementTree.Element(f"{SVG}image", attributes)


def _drawn(text: str, size: int, weight: str) -> np.ndarray:
    """Opacity of the letters, (3 * size, width), their base line at 2 * size."""
    canvas = np.zeros((3 * size, 2 * size * (len(text) + 1), 3), np.uint8)
    heavy = int(weight) if weight.isdigit() else 0
    end, _ = cv2.putText(canvas, text, (0, 2 * size), (255, 255, 255), _face(), size, heavy)
    return np.ascontiguousarray(canvas[:, : max(1, int(end[0])), 0])


@cache
def _face() -> cv2.FontFace:
    return cv2.FontFace("uni")
