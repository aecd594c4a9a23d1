"""Which stems tell one source, and which ones (`image25`, `000001`, `IMG_1234`) many share.

No list of words: a stem is weighed against the other stems of the same data set. A word that one
name in ten has counts little, a number counts by its size, and a stem is distinctive when it would
hardly ever be given twice by chance.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

MOST_IMAGES = 20  # of one stem or hash; one that more have is part of how all are named
_ALPHA = 0.05  # coincidences by chance that a whole data set may have
_PART = re.compile(r"\d+|[^\W\d_]+")
_COPY = re.compile(r"(?:[\s_-]*(?:\(\d+\)|copy(?:[\s_-]*\(?\d+\)?)?))+$|-\d+-$", re.I)


class StemWeights:
    """How rare words and numbers are among the stems of a data set.

    Args:
        stems: one per image, as `plain_stem` returns them.
    """

    def __init__(self, stems: Iterable[str]) -> None:
        self._images = Counter(stems)
        self._stems = Counter(part for stem in self._images for part in set(_parts(stem)))
        number = self._images.total()
        pairs = number * (number - 1) / 2
        self._needed = math.log10(max(1.0, pairs / _ALPHA))

    def is_distinctive(self, stem: str) -> bool:
        """Whether few images have it, and chance would not have given it to two of them."""
        return 0 < self._images[stem] <= MOST_IMAGES and self.rarity(stem) >= self._needed

    def rarity(self, stem: str) -> float:
        """-log10 of the chance that another name is the same, its parts taken as independent."""
        return sum(self._rarity(part) for part in _parts(stem))

    def _rarity(self, part: str) -> float:
        known = self._stems[part]
        by_share = math.log10(max(1, len(self._images)) / max(1, known))
        if not part.isdecimal():
            return by_share
        by_size = math.log10(int(part) + 1)  # a counter that comes so far passes all below
        return by_size if known <= 1 else min(by_size, by_share)


def plain_stem(stem: str) -> str:
    """The stem as it is compared: folded, and without what marks a copy (`(2)`, `- Copy`)."""
    text = folded(stem)
    return _COPY.sub("", text) or text


def folded(text: str) -> str:
    """NFC and without case: systems and people spell one name in several ways."""
    return unicodedata.normalize("NFC", text).casefold()


def _parts(stem: str) -> list[str]:
    """Its words and numbers, leading zeros left out."""
    return [part.lstrip("0") or "0" if part.isdecimal() else part for part in _PART.findall(stem)]
