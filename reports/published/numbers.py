"""One cell of a published table: the number that it prints, where its meaning is certain.

Reads `0.95`, `.95`, `0,95`, `92·4`, `95 %`, `9.55e-1`, `61/66`, `92.4 ± 1.2`, `95.3 (94.1-96.0)`,
bold type and footnote marks. Does not read `~95.5`, `>95` or `91.2a`: they say less than a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

ABSENT = {"", "-", "\u2013", "\u2014", "n/a", "na", "nan"}
_COARSEST = 100  # `1e2` is all that can be meant
_LONGEST = 100  # characters; a longer cell is prose
_NUMBER = r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_COUNT = r"[0-9]{1,9}\s*/\s*[0-9]{1,9}"
_CELL = re.compile(
    rf"(?P<first>{_COUNT}|{_NUMBER})\s*(?P<sign>%?)\s*"
    rf"(?P<spread>±\s*{_NUMBER})?\s*(?P<sign_after>%?)\s*"
    r"(?P<bracket>\([^()]*\)|\[[^\[\]]*\])?\s*(?P<sign_last>%?)"
)
_WITH_UNIT = re.compile(rf"[~≈<>≤≥]?\s*{_NUMBER}\s*[a-zA-Zµ]{{0,4}}")
_IN_PARENTHESES = re.compile(r"\(([^()]*±[^()]*)\)\s*(%?)")
_MARKS = "*_$†‡§¶#\u204e\u2217★ᵃᵇᶜᵈ¹²³⁴"  # bold type in Markdown, mathematics in LaTeX, footnotes
_LATEX = re.compile(r"\\(?:textbf|mathbf|bm|underline|textit|emph)\s*\{([^{}]*)\}")
_HTML = re.compile(r"</?(?:b|strong|i|em|u)>", re.IGNORECASE)
_RAISED = re.compile(r"<(su[pb])>[^<>]*</\1>|\$?\^(?:\{[^{}]*\}|[^\s{}])\$?", re.IGNORECASE)
_SPELLINGS = {"\\%": "%", "\\pm": "±", "+/-": "±", "+-": "±", "\u2212": "-", "·": ".", "٪": "%"}


@dataclass(frozen=True)
class Number:
    """What a cell prints, in the unit that it is printed in.

    Args:
        text: the cell.
        value: as written: 95.5 for `95.5 %`; 61/66 for `61/66`.
        step: the value of one unit of the last printed digit, as written; 0 for `61/66`.
        percent: whether it carries a % sign.
        of: 66 for `61/66`, which is exact.
        averaged: printed with a spread, so it may be a mean over several trainings.
    """

    text: str
    value: Fraction
    step: Fraction
    percent: bool = False
    of: int | None = None
    averaged: bool = False

    @property
    def decimals(self) -> int:
        """Digits printed behind the decimal point; 0 for `61/66`."""
        return len(str(self.step.denominator)) - 1


def read_number(cell: str) -> Number | None:
    """The number of a cell; None where there is none or its meaning is not certain.

    >>> read_number("**92.4** ± 1.2").value, read_number("~95.5")
    (Fraction(462, 5), None)
    """
    text = " ".join(cell.split())
    found = _CELL.fullmatch(_plain(text)) if len(text) <= _LONGEST else None
    if not found:
        return None
    first, bracket = found["first"], found["bracket"] or ""
    averaged = bool(found["spread"]) or (bool(re.search(r"\d", bracket)) and "/" not in bracket)
    percent = bool(found["sign"] or found["sign_after"] or found["sign_last"])
    if "/" in first:
        return None if percent or found["spread"] else _exact(text, first)
    decimal = first.replace(",", ".").lower()
    step = _step(decimal)
    if step > _COARSEST:
        return None
    return Number(text, Fraction(decimal), step, percent, averaged=averaged)


def is_numeric(cell: str) -> bool:
    """Whether a cell is a quantity, read or not: `25.6M` and `~95` are, `3D-CNN` is a name."""
    return read_number(cell) is not None or bool(_WITH_UNIT.fullmatch(cell.strip()))


def _plain(text: str) -> str:
    """The cell without bold type and marks, in one spelling."""
    text = _HTML.sub("", _LATEX.sub(r"\1", _RAISED.sub("*", text)))
    for spelling, plain in _SPELLINGS.items():
        text = text.replace(spelling, plain)
    text = re.sub(rf"[{re.escape(_MARKS)}]+(?=\s*(?:[%±(\[]|$))", "", text.lstrip(_MARKS + " "))
    return _IN_PARENTHESES.sub(r"\1\2", text.strip())


def _exact(text: str, count: str) -> Number | None:
    right, of = (int(part) for part in count.split("/"))
    return Number(text, Fraction(right, of), Fraction(0), of=of) if of else None


def _step(decimal: str) -> Fraction:
    mantissa, _, exponent = decimal.partition("e")
    return Fraction(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
