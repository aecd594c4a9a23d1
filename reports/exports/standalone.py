"""A figure of the page as a file of its own: every style written out where it applies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

from reports.exports.stylesheet import Stylesheet, declarations_of

_TEMPLATES = Path(__file__).parents[1] / "templates"
_STYLE_SHEETS = ("style.css", "cells.css")  # in the page's order
_ON_PAPER = {"--paper": "#ffffff", "--ink": "#000000"}
_PAINT = (
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-linejoin",
    "stroke-dasharray",
    "opacity",
    "font-family",
    "font-size",
    "font-weight",
    "text-anchor",
    "overflow",
)

Classes = tuple[tuple[str, frozenset[str]], ...]


def standalone(figure: str) -> str:
    """The SVG document of a figure drawn with the page's classes: light colours on white paper.

    Attributes may hold var() and color-mix() themselves. Raises ValueError for a style that cannot
    be written out, and xml.etree's ParseError for what is no XML.
    """
    root = ElementTree.fromstring(figure)
    _paint(root, (), {})
    root.set("xmlns", "http://www.w3.org/2000/svg")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


@cache
def _sheet() -> Stylesheet:
    texts = [(_TEMPLATES / name).read_text(encoding="utf-8") for name in _STYLE_SHEETS]
    return Stylesheet("\n".join(texts), _ON_PAPER)


def _paint(element: ElementTree.Element, above: Classes, inherited: Mapping[str, str]) -> None:
    """Turn classes into attributes, in place; `inherited`: custom properties from above."""
    path = (*above, (element.tag, frozenset(element.attrib.pop("class", "").split())))
    declared = _sheet().declared(path) | declarations_of(element.attrib.pop("style", ""))
    custom = {**inherited, **{k: v for k, v in declared.items() if k.startswith("--")}}
    styles = {**element.attrib, **{k: v for k, v in declared.items() if k in _PAINT}}
    for name, value in styles.items():
        if name in _PAINT:
            shown = _sheet().resolve(value, custom).replace("currentColor", _ON_PAPER["--ink"])
            element.set(name, shown.replace('"', "'"))
    for child in element:
        _paint(child, path, custom)
