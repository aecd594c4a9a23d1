"""Convert a figure of the page to a standalone file: the rules of `figures.css` become attributes,
which every SVG program understands."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

_TEMPLATES = Path(__file__).parents[1] / "templates"
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_WORD = re.compile(r"[\w-]+")
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
_ON_PAPER = {"paper": "#ffffff", "ink": "#000000"}

Style = dict[str, str]
Words = frozenset[str]  # an element's name and classes


def standalone(figure: str) -> str:
    """The SVG document of a figure drawn with the page's classes: light colours on white paper.

    Raises KeyError for a colour that the page lacks, and xml.etree's ParseError for invalid XML.
    """
    root = ElementTree.fromstring(figure)
    _paint(root, ())
    root.set("xmlns", "http://www.w3.org/2000/svg")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _paint(element: ElementTree.Element, ancestors: tuple[Words, ...]) -> None:
    """Turn classes and styles into attributes, in place."""
    words = frozenset([element.tag, *element.attrib.pop("class", "").split()])
    own = _declarations(element.attrib.pop("style", ""))
    for (*context, last), declarations in _rules():
        if last <= words and all(any(one <= other for other in ancestors) for one in context):
            element.attrib.update(declarations)
    element.attrib.update(own)
    for name, value in element.attrib.items():
        element.set(name, _VARIABLE.sub(lambda match: _colours()[match[1]], value))
    for child in element:
        _paint(child, (*ancestors, words))


@cache
def _rules() -> list[tuple[tuple[Words, ...], Style]]:
    """Selectors, as the words of each element they name, with their declarations, in order."""
    sheet = _COMMENT.sub("", (_TEMPLATES / "figures.css").read_text(encoding="utf-8"))
    return [
        (tuple(frozenset(_WORD.findall(part)) for part in selector.split()), _declarations(body))
        for selectors, body in _RULE.findall(sheet)
        for selector in selectors.split(",")
    ]


@cache
def _colours() -> Style:
    """The page's light colours and fonts, by name."""
    _, body = _RULE.findall((_TEMPLATES / "style.css").read_text(encoding="utf-8"))[0]
    declared = {name.removeprefix("--"): value for name, value in _declarations(body).items()}
    return {name: value.replace('"', "'") for name, value in declared.items()} | _ON_PAPER


def _declarations(body: str) -> Style:
    """'fill: red; opacity: .5' -> the values by property."""
    pairs = (part.partition(":") for part in body.split(";") if ":" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}
