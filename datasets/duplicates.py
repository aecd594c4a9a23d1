"""Find exact copies, and group images that must stay on one side of a split.

All finders return tables with the columns `pairs.PAIR_COLUMNS`, which are concatenated and turned
into groups by `with_groups`. `find_exact` finds equal bytes and equal pixels, `near.find_near`
altered copies, `groups.known_pairs` images that the user or DICOM declares related.
"""

from itertools import combinations

import pandas as pd

from datasets.findings.flat import NEARLY_CONSTANT
from datasets.pairs import PAIR_COLUMNS, pair_table

__all__ = ["PAIR_COLUMNS", "find_exact", "with_groups"]


def find_exact(manifest: pd.DataFrame) -> pd.DataFrame:
    """Find the usable files with the same bytes, or the same pixels after decoding.

    Images of (nearly) one colour are copies only if their bytes are equal: their pixels do not
    identify a source.

    Args:
        manifest: columns image_id, problem, pixel_hash and contrast, as `build_manifest` returns
            them.

    Returns:
        `PAIR_COLUMNS`: image_id_a < image_id_b (every pair of a set of copies), kind "exact",
        score 1.0, transform "identity"; sorted.
    """
    images = manifest[manifest["problem"] == ""]
    pixel_hash = images["pixel_hash"].where(images["contrast"] >= NEARLY_CONSTANT, "")
    copies: dict[str, list[str]] = {}
    for image_id, pixels in sorted(zip(images["image_id"], pixel_hash, strict=True)):
        copies.setdefault(pixels or image_id.partition("-")[0], []).append(image_id)
    pairs = [pair for same in copies.values() for pair in combinations(same, 2)]
    return pair_table((a, b, "exact", 1.0, "identity") for a, b in pairs)


def with_groups(manifest: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Fill `group` with the connected components of the pairs.

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
    """The smallest id of the component, with path compression."""
    while parent[image_id] != image_id:
        parent[image_id] = parent[parent[image_id]]
        image_id = parent[image_id]
    return image_id
