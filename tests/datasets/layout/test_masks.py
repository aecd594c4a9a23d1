"""Masks are left out and counted; classes and images that merely have such names are not."""

from pathlib import Path

import pytest

from datasets.sources import read_folder
from tests.datasets.layout.test_structure import classes, crossed, folder


@pytest.mark.parametrize(
    "folders",
    [
        crossed("a", "b", inner=("images", "masks")),
        crossed("a", "b", inner=("image", "mask")),
        crossed("a", "b", inner=("Images", "Lung Masks")),
        crossed("a", "b", inner=("imgs", "ground_truth")),
        crossed("images", "labels"),
        crossed("data/images", "data/segmentations"),
        [*crossed("train/images", "train/masks"), *crossed("test/images", "test/masks")],
        ["a", "b", "a_masks", "b_masks"],
        crossed("train", "train_masks"),
        ["a", "a/masks", "b", "b/labels"],
    ],
)
def test_folders_of_masks_are_left_out_and_counted(tmp_path: Path, folders: list[str]) -> None:
    found = read_folder(str(folder(tmp_path, *folders)))
    assert {name for name, _ in classes(found)} == {"a", "b"}
    (masks,) = [remark for remark in found.remarks if remark.kind == "masks"]
    assert masks.text.startswith(f"{len(folders)} images left out as masks of others")
    assert len(found.files) == len(folders)


@pytest.mark.parametrize(
    "mask", ["{}_mask", "{}_seg", "{}-label", "{} (mask)"[:-1].replace("(", ""), "mask_{}", "{}_gt"]
)
def test_masks_of_other_files_are_left_out(tmp_path: Path, mask: str) -> None:
    files = [f"{c}/{n}.jpg" for c in "ab" for n in ("1", "benign (2)")]
    masks = [f"{c}/{mask.format(n)}.png" for c in "ab" for n in ("1", "benign (2)")]
    found = read_folder(str(folder(tmp_path, files=(*files, *masks, "a/benign (2)_mask_1.png"))))
    assert [file.path for file in found.files] == sorted(files)
    assert found.remarks[0].text.startswith("5 images left out as masks of others")


@pytest.mark.parametrize(
    "names",
    [("mask", "no mask"), ("with_mask", "without_mask"), ("face", "face_mask"), ("label", "blank")],
)
def test_classes_may_be_called_masks(tmp_path: Path, names: tuple[str, ...]) -> None:
    files = tuple(f"{name}/{name}_{n}.png" for name in names for n in range(3))
    found = read_folder(str(folder(tmp_path, files=files)))
    assert {name for name, _ in classes(found)} == set(names)
    assert len(found.files) == 6
    assert not found.remarks
