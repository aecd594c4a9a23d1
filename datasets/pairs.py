"""Pairs of images: the one table form that every finder of duplicates returns."""

from collections.abc import Iterable

import pandas as pd

PAIR_COLUMNS = ("image_id_a", "image_id_b", "kind", "score", "transform")
KINDS = ("exact", "near", "user")

Pair = tuple[str, str, str, float, str]


def pair_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """`PAIR_COLUMNS` of pairs (image_id_a < image_id_b, kind, score, transform), sorted."""
    table = pd.DataFrame(sorted(pairs), columns=list(PAIR_COLUMNS))
    return table.astype({column: "str" for column in PAIR_COLUMNS} | {"score": "float64"})
