"""The width of a text in letters of the Latin alphabet; names may be in any script."""

from __future__ import annotations

import unicodedata


def width_of(text: str) -> int:
    """Latin letters that would take as much room: Chinese characters and their like take two,
    accents that are set on other letters none."""
    return sum(_width(letter) for letter in text)


def shortened(text: str, most: int) -> str:
    """`text`, cut with an ellipsis where it is wider than `most` letters."""
    if width_of(text) <= most:
        return text
    kept, used = "", 1
    for letter in text:
        used += _width(letter)
        if used > max(2, most):
            break
        kept += letter
    return f"{kept}…"


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
