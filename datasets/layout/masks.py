"""Find folders of segmentation masks, which are not training images."""

from collections.abc import Sequence
from pathlib import Path, PurePath

from datasets.layout.folder_names import (
    is_image_folder,
    is_mask_folder,
    masked_stem,
    without_mask_words,
)
from datasets.layout.tree import Listing, Tree

_SAME_STEMS = 0.8


def mask_folders(tree: Tree, folder: Path, names: Sequence[str]) -> list[str]:
    """Of the folders of a level above the classes, those with the masks of the others.

    A mask folder is named like one and has a sibling `images/`, or a sibling of the same name
    without the mask word and with the same file names: `COVID/`, `COVID_masks/`. A class called
    `mask` has neither.
    """
    candidates = [name for name in names if is_mask_folder(name)]
    others = [name for name in names if name not in candidates]
    if any(is_image_folder(name) for name in others):
        return candidates
    return [name for name in candidates if _masks_of(tree, folder, name, others)]


def mask_folders_inside(listing: Listing) -> list[str]:
    """Of the folders within a class, those with masks: beside `images/` or images."""
    candidates = [name for name in listing.folders if is_mask_folder(name)]
    others = [name for name in listing.folders if name not in candidates]
    return candidates if listing.images or any(map(is_image_folder, others)) else []


def _masks_of(tree: Tree, folder: Path, name: str, others: Sequence[str]) -> bool:
    """Whether a folder has a partner among the others with mostly the same file names."""
    plain = without_mask_words(name)
    partners = [other for other in others if plain and without_mask_words(other) == plain]
    stems = _stems(tree, folder / name)
    return any(
        len(stems & _stems(tree, folder / other)) >= _SAME_STEMS * len(stems) > 0
        for other in partners
    )


def _stems(tree: Tree, folder: Path) -> set[str]:
    """The stems of the images below a folder, or of the images that its files are masks of."""
    return {
        masked_stem(name) or PurePath(name).stem.casefold()
        for _, listing in tree.walk(folder)
        for name in listing.images
    }
