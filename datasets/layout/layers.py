"""Find the parts of a split among the folders of a level: train, val and test, or folds."""

from pathlib import Path

from datasets.layout.folder_names import (
    FOLD,
    TEST,
    TRAIN,
    VAL,
    is_image_folder,
    layer_of,
    named,
)
from datasets.layout.levels import EXPECTED, Levels, labels_hint
from datasets.layout.remarks import images


def find_layers(levels: Levels, level: Path) -> list[str]:
    """The folders that are parts of a split and contain class folders, the training one first."""
    names = levels.pictured(level)
    layers = [name for name in names if layer_of(name)]
    deep = [name for name in layers if _has_class_folders(levels, level / name)]
    flat = [name for name in layers if name not in deep]
    others = [name for name in names if name not in layers]
    if deep:
        _check_siblings(levels, level, deep, others)
        _leave_out_flat(levels, level, flat)
        return sorted(deep, key=_layer_order)
    parts = {layer_of(name) for name in flat}
    if (TRAIN in parts or not others) and (len(parts) > 1 or FOLD in parts):
        raise levels.refused(
            f"images lie directly in {named(flat)}, which are parts of a split, not classes"
            f"{labels_hint(levels.tree, [*(level / name for name in flat), level])}; {EXPECTED}"
        )
    return []


def _has_class_folders(levels: Levels, layer: Path) -> bool:
    def is_container(name: str) -> bool:
        return is_image_folder(name) or layer_of(name) == layer_of(layer.name)

    names = levels.pictured(layer)
    return any(not is_container(name) or levels.pictured(layer / name) for name in names)


def _check_siblings(levels: Levels, level: Path, layers: list[str], others: list[str]) -> None:
    for other in others:
        if set(layers) & set(levels.pictured(level / other)):
            raise levels.refused_copy(level / other)
    if others:
        raise levels.refused(
            f"{named(layers)} beside {named(others)}; expected either class folders, or only "
            "folders such as train, val and test that contain class folders"
        )


def _leave_out_flat(levels: Levels, level: Path, flat: list[str]) -> None:
    """Skip layers without class folders beside layers with them: a test set without labels."""
    listings = [listing for name in flat for _, listing in levels.tree.walk(level / name)]
    if not listings:
        return
    levels.remark(
        "unlabelled_layer",
        f"{images(sum(len(listing.images) for listing in listings))} in {named(flat)} left out: "
        "not in a class folder, so without a label",
        f"sort the images of {named(flat)} into class folders to use them",
    )


def enter_layer(levels: Levels, layer: Path) -> Path:
    """The folder with a layer's class folders: the layer, or `train/images`, `train/train`."""
    names = levels.pictured(layer)
    if len(names) == 1 and levels.pictured(layer / names[0]):
        only = layer / names[0]
        is_container = is_image_folder(only.name) or layer_of(only.name) == layer_of(layer.name)
        if is_container and not levels.is_loop(only, layer):
            levels.found.beside.append(layer)
            return enter_layer(levels, only)
    if len(names) > 1 and all(layer_of(name) for name in names):
        raise levels.refused(
            f"{levels.shown(layer)} contains {named(names)}: the same image may be in several "
            f"splits; set data.path to one of them, such as {levels.shown(layer)}"
        )
    return layer


def _layer_order(name: str) -> tuple[int, str]:
    """Training comes first: its spelling of a class is the displayed one."""
    return (TRAIN, FOLD, VAL, TEST).index(layer_of(name) or TEST), name
