"""Detect classes that a flip turns into one another, by names such as `left` and `right`."""

import re
from collections.abc import Iterator, Sequence

_ACROSS = (("left", "right"), ("l", "r"), ("links", "rechts"), ("gauche", "droite"))
_ACROSS_MORE = (("izquierda", "derecha"), ("izquierdo", "derecho"), ("sinistra", "destra"))
_DOWN = (("up", "down"), ("top", "bottom"), ("upper", "lower"), ("above", "below"))
_DOWN_MORE = (("superior", "inferior"), ("oben", "unten"), ("haut", "bas"), ("arriba", "abajo"))
PAIRS = {"horizontal": _ACROSS + _ACROSS_MORE, "vertical": _DOWN + _DOWN_MORE}
"""Flip -> pairs of words; class names that differ in such a pair are swapped by the flip."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def opposite_classes(classes: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (flip, class, class) for classes whose names differ in a word and its opposite only.

    The flip is `horizontal` or `vertical`; each pair is yielded once.
    """
    words = {name: tuple(word.casefold() for word in _WORD.findall(name)) for name in classes}
    named = {found: name for name, found in reversed(words.items())}
    for flip, pairs in PAIRS.items():
        for first, second in pairs:
            for name, parts in words.items():
                other = tuple(second if word == first else word for word in parts)
                if first in parts and other in named:
                    yield flip, name, named[other]
