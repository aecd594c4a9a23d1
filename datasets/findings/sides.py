"""Classes that a flip turns into one another, by their names, such as `left` and `right`."""

import re
from collections.abc import Iterator, Sequence

_ACROSS = (("left", "right"), ("l", "r"), ("links", "rechts"), ("gauche", "droite"))
_ACROSS_MORE = (("izquierda", "derecha"), ("izquierdo", "derecho"), ("sinistra", "destra"))
_DOWN = (("up", "down"), ("top", "bottom"), ("upper", "lower"), ("above", "below"))
_DOWN_MORE = (("superior", "inferior"), ("oben", "unten"), ("haut", "bas"), ("arriba", "abajo"))
PAIRS = {"horizontal": _ACROSS + _ACROSS_MORE, "vertical": _DOWN + _DOWN_MORE}
"""By the flip that makes one of the other: words that class names differ in."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def opposite_classes(classes: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The flip (`horizontal` or `vertical`) and two classes whose names are equal but for a word
    and its opposite, each pair once."""
    words = {name: tuple(word.casefold() for word in _WORD.findall(name)) for name in classes}
    named = {found: name for name, found in reversed(words.items())}
    for flip, pairs in PAIRS.items():
        for first, second in pairs:
            for name, own in words.items():
                other = tuple(second if word == first else word for word in own)
                if first in own and other in named:
                    yield flip, name, named[other]
