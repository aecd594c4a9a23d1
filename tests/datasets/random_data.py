"""Random data sets for the split tests: class sizes, skewed groups, layers, planted pairs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from hypothesis import strategies as st

NO_PAIRS = pd.DataFrame({"image_id_a": [], "image_id_b": [], "kind": []})


def manifest_of(sizes: Mapping[str, int]) -> pd.DataFrame:
    """One image per group; ids in an order independent of the classes."""
    names = [name for name, size in sizes.items() for _ in range(size)]
    ids = [f"{i * 7919 % 100003:08x}" for i in range(len(names))]
    return pd.DataFrame({"image_id": ids, "class": names, "group": ids, "origin": ""})


@dataclass
class DataSet:
    """Images with groups and layers that every policy can split."""

    manifest: pd.DataFrame
    classes: list[str]
    largest: int
    seed: int
    pairs: pd.DataFrame = field(default_factory=lambda: NO_PAIRS)


@st.composite
def data_sets(draw: st.DrawFn, fewest: int = 3) -> DataSet:
    """Data sets in which every class has at least `fewest` groups, and images in both layers."""
    sizes = draw(st.lists(st.integers(fewest, 40), min_size=1, max_size=5))
    largest = draw(st.sampled_from([1, 2, 5, 12]))
    seed = draw(st.integers(0, 2**32 - 1))
    manifest = manifest_of({f"class {i}": 2 * size for i, size in enumerate(sizes)})
    rng = np.random.default_rng(seed)
    manifest["group"] = _groups(manifest, rng, largest, fewest)
    return DataSet(
        manifest.assign(origin=_layers(manifest, rng)),
        sorted(set(manifest["class"])),
        largest,
        seed,
        _pairs(manifest, rng),
    )


def _groups(
    manifest: pd.DataFrame, rng: np.random.Generator, largest: int, fewest: int
) -> list[str]:
    """Skewed groups: most of one image, a few large ones, some of several classes.

    The first `fewest` images of every class stay alone.
    """
    alone = manifest.groupby("class").cumcount() < fewest
    rest = rng.permutation(np.flatnonzero(~alone))
    if rng.random() < 0.7:
        rest = np.sort(rest)  # neighbours are mostly of one class
    groups = manifest["image_id"].tolist()
    while len(rest):
        size = min(largest, int(rng.geometric(0.5)) if rng.random() < 0.8 else largest)
        mates, rest = rest[:size], rest[size:]
        for i in mates:
            groups[i] = groups[mates[0]]
    return groups


def _layers(manifest: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    """The first two images of a class are in train, the third in test, the others anywhere."""
    names = ["train", "test", *(["VALID"] if rng.random() < 0.5 else [])]
    place = manifest.groupby("class").cumcount()
    return ["train" if p < 2 else "test" if p == 2 else str(rng.choice(names)) for p in place]


def _pairs(manifest: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A chain through every group, each link of a random kind."""
    rows = [
        (a, b, str(rng.choice(["exact", "near", "user"])))
        for _, mates in manifest.groupby("group")["image_id"]
        for a, b in zip(sorted(mates)[:-1], sorted(mates)[1:], strict=True)
    ]
    return pd.DataFrame(rows, columns=["image_id_a", "image_id_b", "kind"])
