"""The page's style sheet, as far as it paints figures: which rules an SVG element falls under.

Read are rules whose selectors are made of element names and classes; var(), calc() and color-mix()
come out as plain values, so that programs that know no CSS can draw the figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SIMPLE = re.compile(r"([a-z]*)((?:\.[\w-]+)*)")
_VARIABLE = re.compile(r"var\((--[\w-]+)(?:,\s*([^()]*))?\)")
_PRODUCT = re.compile(r"calc\(\s*([\d.]+)\s*\*\s*([\d.]+)%\s*\)")
_MIX = re.compile(r"color-mix\(in oklab,\s*(#\w+)\s+([\d.]+)%,\s*(#\w+)\s*\)")

Values = dict[str, str]
Path = Sequence[tuple[str, frozenset[str]]]  # element name and classes, outermost first


@dataclass(frozen=True)
class _Rule:
    """One selector with its declarations; `weight` orders what is declared twice."""

    selector: tuple[tuple[str, frozenset[str]], ...]
    declarations: Values
    weight: tuple[int, int, int]

    def applies(self, path: Path) -> bool:
        """Whether the last of `path` is meant."""
        if not _is(self.selector[-1], path[-1]):
            return False
        wanted = list(self.selector[:-1])
        for place in reversed(path[:-1]):
            if wanted and _is(wanted[-1], place):
                wanted.pop()
        return not wanted


class Stylesheet:
    """The rules of a style sheet outside of its @media blocks.

    Args:
        text: the style sheet.
        variables: custom properties that take the place of those of `:root`.
    """

    def __init__(self, text: str, variables: Mapping[str, str] | None = None) -> None:
        plain = _without_at_rules(_COMMENT.sub("", text))
        self._root: Values = {}
        self._rules: list[_Rule] = []
        for number, (selectors, body) in enumerate(_RULE.findall(plain)):
            declarations = declarations_of(body)
            for selector in selectors.split(","):
                if selector.strip() == ":root":
                    self._root |= declarations
                elif parsed := _selector(selector):
                    self._rules.append(_Rule(parsed, declarations, _weight(parsed, number)))
        self._root |= variables or {}
        self._rules.sort(key=lambda rule: rule.weight)

    def declared(self, path: Path) -> Values:
        """What is declared for the last element of `path`, custom properties too, unresolved."""
        found: Values = {}
        for rule in self._rules:
            if rule.applies(path):
                found |= rule.declarations
        return found

    def resolve(self, value: str, custom: Mapping[str, str]) -> str:
        """`value` without var(), calc() and color-mix(). Raises ValueError for what stays."""
        known = self._root | dict(custom)
        for _ in range(8):  # a variable may name another
            value, again = _VARIABLE.subn(lambda m: known.get(m[1], m[2] or ""), value)
            if not again:
                break
        value = _PRODUCT.sub(lambda m: f"{float(m[1]) * float(m[2]):g}%", value)
        value = _MIX.sub(lambda m: mix_oklab(m[1], m[3], float(m[2]) / 100), value)
        if "(" in value and not value.startswith(("rotate(", "translate(")):
            raise ValueError(f"style {value!r}: expected colours and var(), calc(), color-mix()")
        return value


def mix_oklab(first: str, second: str, share: float) -> str:
    """`share` of the first colour and the rest of the second, '#rrggbb', mixed in Oklab
    (Ottosson 2020), as CSS color-mix(in oklab, ...) does."""
    mixed = [
        share * a + (1 - share) * b for a, b in zip(_oklab(first), _oklab(second), strict=True)
    ]
    return _hex(mixed)


def _oklab(colour: str) -> list[float]:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = (_linear(int(digits[i : i + 2], 16) / 255) for i in (0, 2, 4))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return [
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    ]


def _hex(lab: Sequence[float]) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(value)):02x}" for value in linear)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _gamma(value: float) -> float:
    value = min(1.0, max(0.0, value))
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _without_at_rules(text: str) -> str:
    """The style sheet without @media and the like, whose blocks hold blocks."""
    return "".join(_outside(text))


def _outside(text: str) -> Iterator[str]:
    at = text.find("@")
    while at >= 0:
        yield text[:at]
        depth, end = 0, at
        for end in range(at, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if (text[end] == ";" and depth == 0) or (text[end] == "}" and depth == 0):
                break
        text = text[end + 1 :]
        at = text.find("@")
    yield text


def declarations_of(body: str) -> Values:
    """'fill: red; opacity: .5' -> the values by property."""
    pairs = (part.partition(":") for part in body.split(";") if ":" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _selector(text: str) -> tuple[tuple[str, frozenset[str]], ...] | None:
    """None for a selector that holds more than names, classes and descent."""
    parts = [_SIMPLE.fullmatch(part) for part in text.split()]
    if not parts or not all(part and part[0] for part in parts):
        return None
    return tuple((p[1], frozenset(p[2].split(".")[1:])) for p in parts if p)


def _weight(selector: tuple[tuple[str, frozenset[str]], ...], number: int) -> tuple[int, int, int]:
    classes = sum(len(classes) for _, classes in selector)
    return classes, sum(bool(name) for name, _ in selector), number


def _is(wanted: tuple[str, frozenset[str]], place: tuple[str, frozenset[str]]) -> bool:
    return wanted[0] in ("", place[0]) and wanted[1] <= place[1]
