"""Masks are no pictures to learn from: the folders and files that hold them."""

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
    """Of the folders of a level above the classes, those that hold the masks of the others.

    A folder does where its name says so and there is `images/` beside it, or a folder of the same
    name without that word whose files are called as its own: `COVID/`, `COVID_masks/`. A class
    that is called `mask` has neither.
    """
    speaking = [name for name in names if is_mask_folder(name)]
    others = [name for name in names if name not in speaking]
    if any(is_image_folder(name) for name in others):
        return speaking
    return [name for name in speaking if _masks_of(tree, folder, name, others)]


def mask_folders_inside(listing: Listing) -> list[str]:
    """Of the folders within a class, those that hold masks: beside `images/` or images."""
    speaking = [name for name in listing.folders if is_mask_folder(name)]
    others = [name for name in listing.folders if name not in speaking]
    return speaking if listing.images or any(map(is_image_folder, others)) else []


def _masks_of(tree: Tree, folder: Path, name: str, others: Sequence[str]) -> bool:
    own = without_mask_words(name)
    partners = [other for other in others if own and without_mask_words(other) == own]
    stems = _stems(tree, folder / name)
    return any(
        len(stems & _stems(tree, folder / other)) >= _SAME_STEMS * len(stems) > 0
        for other in partners
    )


def _stems(tree: Tree, folder: Path) -> set[str]:
    """The stems of the pictures below a folder, or of those that its files are masks of."""
    return {
        masked_stem(name) or PurePath(name).stem.casefold()
        for _, listing in tree.walk(folder)
        for name in listing.images
    }
