"""What the folders of one level are, by the names of those within them: `below`, name -> names."""

from collections import Counter
from collections.abc import Mapping, Sequence

from datasets.layout.class_names import class_key
from datasets.layout.folder_names import (
    are_numbered,
    are_patients,
    is_image_folder,
    is_mask_folder,
    layer_of,
    part_of_layer,
)

Below = Mapping[str, Sequence[str]]


def copy_inside(below: Below) -> str | None:
    """The folder that holds all folders beside it once more.

    `yes/`, `no/` and `brain_tumor_dataset/yes`, `brain_tumor_dataset/no`.
    """
    for name, inside in below.items():
        beside = {class_key(other) for other in below if other != name}
        if len(beside) > 1 and beside <= {class_key(one) for one in inside}:
            return name
    return None


def hold_parts(below: Below) -> bool:
    """Whether every folder holds parts of a split and nothing else: `cat/train`, `cat/test`."""
    parts = [{part_of_layer(name) for name in names} for names in below.values()]
    every = set().union(*parts)
    return len(below) > 1 and all(parts) and None not in every and len(every) > 1


def hold_classes(below: Below) -> bool:
    """Whether the folders are patients, each of which holds some of the same class folders."""
    counts = Counter(name for names in below.values() for name in names)
    if not all(below.values()) or len(counts) < 2 or min(counts.values()) < 2:
        return False
    if all(layer_of(name) or is_image_folder(name) or is_mask_folder(name) for name in counts):
        return False
    mostly = 2 * counts.total() >= len(counts) * len(below)
    return mostly and are_patients(below, counts)


def shared_folders(below: Below) -> list[str]:
    """The two and more folders that every folder holds, and that may be classes by their names."""
    inside = [
        {class_key(n): n for n in names if not is_image_folder(n)} for names in below.values()
    ]
    if len(inside) < 2 or any(one.keys() != inside[0].keys() for one in inside):
        return []
    shared = sorted(inside[0].values())
    counts_things = are_numbered(shared) and not are_numbered(below)
    return [] if len(shared) < 2 or counts_things else shared
