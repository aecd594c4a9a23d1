"""Group images by file name into sources: one original file, figure or patient."""

from collections.abc import Hashable, Iterable, Sequence

from datasets.filenames.distinctive import StemWeights, folded, plain_stem
from datasets.filenames.exports import hash_keys, read_name


def filename_sources(paths: Iterable[str]) -> dict[str, str]:
    """Group images whose names identify the same source.

    Two images belong together, directly or through others, if their names
    1. contain the same hash of 16 or more digits that few share, or export hashes with the same
       beginning or end;
    2. come from an export, lie in one folder and have the same stem: copies of one upload;
    3. have the same distinctive stem (see `distinctive`), in any folder.

    Generic stems count for 2 only: `image25` in two folders is two images.

    Returns:
        Path -> the first path of its source; "" if the name identifies none.
    """
    paths = sorted(set(paths))
    return dict(zip(paths, _first_linked(paths, _keys(paths)), strict=True))


def _keys(paths: Sequence[str]) -> list[list[Hashable]]:
    names = [read_name(path) for path in paths]
    stems = [plain_stem(name.stem) for name in names]
    weights = StemWeights(stems)
    keys: list[list[Hashable]] = [list(hashes) for hashes in hash_keys(paths)]
    for path_keys, path, name, stem in zip(keys, paths, names, stems, strict=True):
        if name.is_export and name.stem:
            path_keys.append((path.rpartition("/")[0], folded(name.stem)))
        if weights.is_distinctive(stem):
            path_keys.append(stem)
    return keys


def _first_linked(paths: Sequence[str], keys: Sequence[Sequence[Hashable]]) -> list[str]:
    """The first path that each path is linked to by shared keys; "" for a path without keys."""
    parent = list(range(len(paths)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[Hashable, int] = {}
    for i, path_keys in enumerate(keys):
        for key in path_keys:
            low, high = sorted((root(first.setdefault(key, i)), root(i)))
            parent[high] = low
    return [paths[root(i)] if keys[i] else "" for i in range(len(paths))]
