"""Interpret the folders of a level by the names of their subfolders: `below`, name -> names."""

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
    """The folder that contains copies of all its siblings, or None.

    `yes/`, `no/` and `brain_tumor_dataset/yes`, `brain_tumor_dataset/no`.
    """
    for name, inside in below.items():
        siblings = {class_key(other) for other in below if other != name}
        if len(siblings) > 1 and siblings <= {class_key(child) for child in inside}:
            return name
    return None


def hold_parts(below: Below) -> bool:
    """Whether every folder contains parts of a split only: `cat/train`, `cat/test`."""
    parts = [{part_of_layer(name) for name in names} for names in below.values()]
    every = set().union(*parts)
    return len(below) > 1 and all(parts) and None not in every and len(every) > 1


def hold_classes(below: Below) -> bool:
    """Whether the folders are patients that each contain some of the same class folders."""
    counts = Counter(name for names in below.values() for name in names)
    if not all(below.values()) or len(counts) < 2 or min(counts.values()) < 2:
        return False
    if all(layer_of(name) or is_image_folder(name) or is_mask_folder(name) for name in counts):
        return False
    mostly = 2 * counts.total() >= len(counts) * len(below)
    return mostly and are_patients(below, counts)


def shared_folders(below: Below) -> list[str]:
    """The folders (two or more) that every folder contains and that may be classes by name."""
    inside = [
        {class_key(n): n for n in names if not is_image_folder(n)} for names in below.values()
    ]
    if len(inside) < 2 or any(children.keys() != inside[0].keys() for children in inside):
        return []
    shared = sorted(inside[0].values())
    is_numbering = are_numbered(shared) and not are_numbered(below)
    return [] if len(shared) < 2 or is_numbering else shared
