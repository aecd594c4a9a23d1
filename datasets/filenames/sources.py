"""From file names to sources: the images that come from one file, figure or patient."""

from collections.abc import Hashable, Iterable, Sequence

from datasets.filenames.distinctive import StemWeights, folded, plain_stem
from datasets.filenames.exports import hash_keys, read_name


def filename_sources(paths: Iterable[str]) -> dict[str, str]:
    """Put images together whose names tell one source.

    Two images belong together, directly or through others, when their names
    1. hold the same hash of 16 digits or more that few share, or an export's hash that begins or
       ends alike;
    2. are an export's, in one folder, and have the same stem: all copies of one upload are there;
    3. have the same distinctive stem (see `distinctive`), in whatever folder.

    Generic stems count for 2 only: `image25` in two folders is two pictures.

    Returns:
        Path -> the first path of its source; "" where the name says nothing.
    """
    paths = sorted(set(paths))
    return dict(zip(paths, _first_linked(paths, _keys(paths)), strict=True))


def _keys(paths: Sequence[str]) -> list[list[Hashable]]:
    names = [read_name(path) for path in paths]
    stems = [plain_stem(name.stem) for name in names]
    weights = StemWeights(stems)
    keys: list[list[Hashable]] = [list(own) for own in hash_keys(paths)]
    for own, path, name, stem in zip(keys, paths, names, stems, strict=True):
        if name.is_export and name.stem:
            own.append((path.rpartition("/")[0], folded(name.stem)))
        if weights.is_distinctive(stem):
            own.append(stem)
    return keys


def _first_linked(paths: Sequence[str], keys: Sequence[Sequence[Hashable]]) -> list[str]:
    """The first path that each one is linked to by shared keys; "" for one without a key."""
    parent = list(range(len(paths)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[Hashable, int] = {}
    for i, own in enumerate(keys):
        for key in own:
            low, high = sorted((root(first.setdefault(key, i)), root(i)))
            parent[high] = low
    return [paths[root(i)] if keys[i] else "" for i in range(len(paths))]
