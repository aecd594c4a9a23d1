"""Letters that the machine's fonts lack, such as Chinese ones on a server, drawn all the same.

OpenCV carries a font of its own with 30 000 letters (WenQuanYi Micro Hei). A text with letters that
leave no mark of their own is drawn with it and put into the figure as a picture, in its place.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection
from functools import cache
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image, ImageColor

SVG = "{http://www.w3.org/2000/svg}"
_NO_LETTER = "\U0010fffe"  # no font has it
_CELL = 24  # px of a probe
_SCALE = 4  # pixels of the picture for each px of the figure

Draw = Callable[[str], np.ndarray]  # an SVG document -> (H, W, 3) uint8


def missing_letters(text: str, draw: Draw) -> frozenset[str]:
    """Those of the letters beyond ASCII that look like a letter which no font has."""
    letters = sorted({letter for letter in text if ord(letter) > 127 and not letter.isspace()})
    if not letters:
        return frozenset()
    probes = [_NO_LETTER, *letters]
    marks = "".join(
        f'<text x="{i * _CELL + 4}" y="18" font-family="sans-serif" font-size="14">{one}</text>'
        for i, one in enumerate(probes)
    )
    box = f'viewBox="0 0 {len(probes) * _CELL} {_CELL}"'
    drawn = draw(f'<svg xmlns="{SVG[1:-1]}" {box}>{marks}</svg>')
    cells = np.split(drawn[:, : len(probes) * _CELL], len(probes), axis=1)
    return frozenset(
        one for one, cell in zip(letters, cells[1:], strict=True) if np.array_equal(cell, cells[0])
    )


def with_drawn_letters(svg: str, missing: Collection[str]) -> str:
    """The document with a picture in place of each text that has one of the missing letters."""
    root = ElementTree.fromstring(svg)
    ElementTree.register_namespace("", SVG[1:-1])
    for parent in root.iter():
        for place, element in enumerate(list(parent)):
            text = "".join(element.itertext()) if element.tag == f"{SVG}text" else ""
            if set(text) & set(missing):
                parent[place] = _picture(element, _said(element))
    return ElementTree.tostring(root, encoding="unicode")


def _said(element: ElementTree.Element) -> str:
    """What is to be read of a text: not the tooltip in it."""
    parts = [element.text or ""]
    for child in element:
        parts += [_said(child) if child.tag != f"{SVG}title" else "", child.tail or ""]
    return " ".join("".join(parts).split())


def _picture(element: ElementTree.Element, text: str) -> ElementTree.Element:
    size = float(element.get("font-size", "10").removesuffix("px"))
    pixels = _drawn(text, round(size * _SCALE), element.get("font-weight", ""))
    ink = ImageColor.getrgb(element.get("fill", "#000000"))[:3]
    picture = Image.new("RGB", (pixels.shape[1], pixels.shape[0]), ink)
    picture.putalpha(Image.fromarray(pixels))
    width, height = picture.width / _SCALE, picture.height / _SCALE
    before = {"end": 1.0, "middle": 0.5}.get(element.get("text-anchor", ""), 0.0)
    attributes = {
        "x": f"{float(element.get('x', '0')) - before * width:.2f}",
        "y": f"{float(element.get('y', '0')) - 2 * size:.2f}",  # the base line is there
        "width": f"{width:.2f}",
        "height": f"{height:.2f}",
        "href": f"data:image/png;base64,{base64.b64encode(_png(picture)).decode()}",
    }
    if transform := element.get("transform"):
        attributes["transform"] = transform
    return ElementTree.Element(f"{SVG}image", attributes)


def _drawn(text: str, size: int, weight: str) -> np.ndarray:
    """Opacity of the letters, (3 * size, width), their base line at 2 * size."""
    canvas = np.zeros((3 * size, 2 * size * (len(text) + 1), 3), np.uint8)
    face, heavy = _face(), int(weight) if weight.isdigit() else 0
    end, _ = cv2.putText(canvas, text, (0, 2 * size), (255, 255, 255), face, size, heavy)
    return np.ascontiguousarray(canvas[:, : max(1, int(end[0])), 0])


@cache
def _face() -> cv2.FontFace:
    return cv2.FontFace("uni")


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
