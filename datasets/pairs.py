"""Tables of image pairs, as every finder of duplicates returns them."""

from collections.abc import Iterable

import pandas as pd

PAIR_COLUMNS = ("image_id_a", "image_id_b", "kind", "score", "transform")
KINDS = ("exact", "near", "user")

Pair = tuple[str, str, str, float, str]


def pair_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """Build a sorted table with `PAIR_COLUMNS`; image_id_a < image_id_b in each pair."""
    table = pd.DataFrame(sorted(pairs), columns=list(PAIR_COLUMNS))
    return table.astype({column: "str" for column in PAIR_COLUMNS} | {"score": "float64"})
