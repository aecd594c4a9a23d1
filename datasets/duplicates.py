"""Which images are the same picture, and the groups that must stay on one side of a split.

Finders return pairs in one table form (`PAIR_COLUMNS`), so that their results are concatenated;
`with_groups` turns any such table into groups. `find_exact` is the finder for equal bytes.
"""

from itertools import combinations

import pandas as pd

PAIR_COLUMNS = ("image_id_a", "image_id_b", "kind", "score", "transform")


def find_exact(manifest: pd.DataFrame) -> pd.DataFrame:
    """Find the usable files that hold the same bytes.

    Returns:
        `PAIR_COLUMNS`: image_id_a < image_id_b (every pair of a set of copies), kind "exact",
        score 1.0, transform "identity"; sorted.
    """
    image_ids = sorted(manifest.loc[manifest["problem"] == "", "image_id"])
    copies: dict[str, list[str]] = {}
    for image_id in image_ids:
        copies.setdefault(image_id.partition("-")[0], []).append(image_id)
    pairs = [pair for same in copies.values() for pair in combinations(same, 2)]
    rows = [(a, b, "exact", 1.0, "identity") for a, b in pairs]
    table = pd.DataFrame(rows, columns=list(PAIR_COLUMNS))
    return table.astype({column: "str" for column in PAIR_COLUMNS} | {"score": "float64"})


def with_groups(manifest: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Fill `group` from pairs of images: the connected components.

    Args:
        manifest: as `build_manifest` returns it.
        duplicates: `PAIR_COLUMNS` of any finder; an id that is not in the manifest is a KeyError.

    Returns:
        A copy of `manifest` whose `group` is the smallest image_id of the image's component.
    """
    parent = {image_id: image_id for image_id in manifest["image_id"]}
    for a, b in zip(duplicates["image_id_a"], duplicates["image_id_b"], strict=True):
        low, high = sorted((_root(parent, a), _root(parent, b)))
        parent[high] = low
    return manifest.assign(group=[_root(parent, image_id) for image_id in manifest["image_id"]])


def _root(parent: dict[str, str], image_id: str) -> str:
    """The smallest id of the component; shortens the path to it on the way."""
    while parent[image_id] != image_id:
        parent[image_id] = parent[parent[image_id]]
        image_id = parent[image_id]
    return image_id
