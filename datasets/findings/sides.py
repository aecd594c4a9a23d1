"""Detect classes that a flip or a rotation turns into one another, by their names."""

import re
from collections.abc import Iterator, Sequence

_ACROSS = (("left", "right"), ("l", "r"), ("links", "rechts"), ("gauche", "droite"))
_ACROSS_MORE = (("izquierda", "derecha"), ("izquierdo", "derecho"), ("sinistra", "destra"))
_DOWN = (("up", "down"), ("top", "bottom"), ("upper", "lower"), ("above", "below"))
_DOWN_MORE = (("superior", "inferior"), ("oben", "unten"), ("haut", "bas"), ("arriba", "abajo"))
_TURN_SENSE = (("clockwise", "anticlockwise"), ("clockwise", "counterclockwise"), ("cw", "ccw"))
_MIRRORED = (*_TURN_SENSE, ("b", "d"), ("p", "q"))
_ROTATED = (("6", "9"), ("six", "nine"), ("n", "u"), ("b", "q"), ("d", "p"))
_LYING = (("horizontal", "vertical"), ("landscape", "portrait"), ("0", "90"), ("90", "180"))
_GLYPHS = ("b", "p", "6", "n", "d")  # as the whole name only: types B and D are no mirror images
PAIRS = {
    "horizontal": _ACROSS + _ACROSS_MORE,
    "vertical": _DOWN + _DOWN_MORE,
    "mirror": _MIRRORED,
    "half turn": (*_ROTATED, ("0", "180")),
    "quarter turn": _LYING,
}
"""Change of the image -> pairs of words; it swaps classes whose names differ in such a pair."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def opposite_classes(classes: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (change, class, class) for classes whose names differ in a word and its opposite only.

    The change is a key of `PAIRS`; each pair is yielded once for each.
    """
    words = {name: tuple(word.casefold() for word in _WORD.findall(name)) for name in classes}
    named = {found: name for name, found in reversed(words.items())}
    for flip, pairs in PAIRS.items():
        for first, second in pairs:
            for name, parts in words.items():
                other = tuple(second if word == first else word for word in parts)
                if first in _GLYPHS and len(parts) > 1:
                    continue
                if first in parts and other in named:
                    yield flip, name, named[other]
