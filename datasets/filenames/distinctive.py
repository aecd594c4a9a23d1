"""Tell distinctive stems, which identify a source, from generic ones (`image25`, `IMG_1234`).

There is no word list: a stem is weighed against the other stems of the same data set. A word that
one name in ten contains counts little, a number counts by its size, and a stem is distinctive if
two files would hardly get it by chance.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

MOST_IMAGES = 20  # with one stem or hash; one shared by more belongs to the naming scheme
_ALPHA = 0.05  # expected chance coincidences in a whole data set
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
        n_images = self._images.total()
        pairs = n_images * (n_images - 1) / 2
        self._min_rarity = math.log10(max(1.0, pairs / _ALPHA))

    def is_distinctive(self, stem: str) -> bool:
        """Whether few images have this stem, and sharing it by chance is improbable."""
        return 0 < self._images[stem] <= MOST_IMAGES and self.rarity(stem) >= self._min_rarity

    def rarity(self, stem: str) -> float:
        """-log10 of the probability that another name equals it, its parts being independent."""
        return sum(self._rarity(part) for part in _parts(stem))

    def _rarity(self, part: str) -> float:
        stems = self._stems[part]
        by_share = math.log10(max(1, len(self._images)) / max(1, stems))
        if not part.isdecimal():
            return by_share
        by_size = math.log10(int(part) + 1)  # a counter that reaches it has used all below
        return by_size if stems <= 1 else min(by_size, by_share)


def plain_stem(stem: str) -> str:
    """The stem used for comparison: folded, and without copy marks (`(2)`, `- Copy`)."""
    text = folded(stem)
    return _COPY.sub("", text) or text


def folded(text: str) -> str:
    """Normalise to NFC and fold case: systems and people spell one name in several ways."""
    return unicodedata.normalize("NFC", text).casefold()


def _parts(stem: str) -> list[str]:
    """Split into words and numbers; leading zeros are dropped."""
    return [part.lstrip("0") or "0" if part.isdecimal() else part for part in _PART.findall(stem)]
