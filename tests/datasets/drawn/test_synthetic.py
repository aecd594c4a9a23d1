"""The synthetic radiographs: reproducible, extensible, learnable, with duplicates as requested."""

import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from datasets.drawn.radiograph import IDENTITY, project
from datasets.drawn.synthetic import (
    FRACTURE_TYPES,
    _scene,
    break_mask,
    draw_radiograph,
    file_mask,
    write_synthetic,
)
from datasets.errors import DataError

ROOT = Path(__file__).parents[3]


def _contents(root: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below root."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _gradient_histograms(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Gradient strength by position (8 x 8) and direction (9), at 64 x 64 pixels: (576,)."""
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    along_y, along_x = np.gradient(small)
    direction = np.arctan2(along_y, along_x) % np.pi * (9 / np.pi)
    strength = np.hypot(along_x, along_y)
    planes = np.stack([strength * (direction.astype(int) % 9 == d) for d in range(9)])
    cells = planes.reshape(9, 8, 8, 8, 8).mean(axis=(2, 4))
    return np.asarray(cells.ravel() / cells.mean(), dtype=np.float32)


def _features(seeds: range) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """One row for each (seed, class); every class sees the same patients."""
    rows = [
        _gradient_histograms(draw_radiograph(name, s)) for s in seeds for name in FRACTURE_TYPES
    ]
    return np.stack(rows), np.tile(np.arange(len(FRACTURE_TYPES)), len(seeds))


def test_the_ten_classes_are_those_of_the_real_data_in_the_same_order() -> None:
    assert FRACTURE_TYPES == (
        "Avulsion fracture",
        "Comminuted fracture",
        "Fracture Dislocation",
        "Greenstick fracture",
        "Hairline Fracture",
        "Impacted fracture",
        "Longitudinal fracture",
        "Oblique fracture",
        "Pathological fracture",
        "Spiral Fracture",
    )


@pytest.mark.parametrize("fracture", FRACTURE_TYPES)
def test_one_seed_gives_one_image_and_another_seed_another(fracture: str) -> None:
    image = draw_radiograph(fracture, 7)
    np.testing.assert_array_equal(image, draw_radiograph(fracture, 7))
    assert not np.array_equal(image, draw_radiograph(fracture, 8))


def test_ten_breaks_of_one_patient_are_different_images_of_equal_size() -> None:
    images = [draw_radiograph(fracture, 3) for fracture in FRACTURE_TYPES]
    assert len({image.tobytes() for image in images}) == len(FRACTURE_TYPES)
    assert len({image.shape for image in images}) == 1


def test_images_look_like_films_dark_ground_bright_bone_sides_of_200_to_400() -> None:
    images = [draw_radiograph(name, seed) for seed in range(8) for name in FRACTURE_TYPES]
    for image in images:
        assert image.dtype == np.uint8
        assert image.ndim == 2
        assert 200 <= min(image.shape) <= max(image.shape) <= 400
        assert np.percentile(image, 2) < 45
        assert np.percentile(image, 98) > 130
    assert len({image.shape for image in images}) == 8
    assert {image.shape[0] > image.shape[1] for image in images} == {True, False}


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "here", 2, seed=5)
    code = (
        "import sys, pathlib; from datasets.drawn.synthetic import write_synthetic; "
        "write_synthetic(pathlib.Path(sys.argv[1]), 2, seed=5)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], cwd=ROOT, check=True)
    assert _contents(tmp_path / "here") == _contents(tmp_path / "there")


def test_more_images_per_class_leave_earlier_ones_unchanged(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "few", 2, seed=0, duplicate_fraction=0.5)
    write_synthetic(tmp_path / "many", 4, seed=0, duplicate_fraction=0.5)
    few, many = _contents(tmp_path / "few"), _contents(tmp_path / "many")
    assert few.items() < many.items()


def test_another_seed_gives_other_files_under_the_same_names(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "a", 1, seed=0)
    write_synthetic(tmp_path / "b", 1, seed=1)
    a, b = _contents(tmp_path / "a"), _contents(tmp_path / "b")
    assert a.keys() == b.keys()
    assert not set(a.values()) & set(b.values())


def test_a_folder_for_each_class_with_grayscale_images_in_it(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 2, seed=0)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == sorted(FRACTURE_TYPES)
    names = [path.name for path in sorted((tmp_path / "Spiral Fracture").iterdir())]
    assert names == ["spiral-fracture-0001.jpg", "spiral-fracture-0002.jpg"]
    file = tmp_path / "Spiral Fracture" / names[0]
    assert cv2.imread(str(file), cv2.IMREAD_UNCHANGED).ndim == 2


@pytest.mark.parametrize(("fraction", "planted"), [(0.0, 0), (0.25, 2), (0.4, 3), (1.0, 8)])
def test_as_many_exact_copies_are_planted_as_requested(
    tmp_path: Path, fraction: float, planted: int
) -> None:
    write_synthetic(tmp_path, 8, seed=2, duplicate_fraction=fraction)
    for fracture in FRACTURE_TYPES:
        files = _contents(tmp_path / fracture)
        assert len(files) == 8 + planted
        assert len(set(files.values())) == 8


def test_a_small_classifier_recognises_breaks_of_new_patients_far_above_chance() -> None:
    x_train, y_train = _features(range(24))
    x_test, y_test = _features(range(1000, 1010))
    forest = ExtraTreesClassifier(200, random_state=0).fit(x_train, y_train)
    accuracy = float(np.mean(forest.predict(x_test) == y_test))
    assert accuracy > 0.3  # chance is 0.1


def test_an_unknown_fracture_is_refused_with_the_known_names() -> None:
    with pytest.raises(DataError, match=r"'Buckle fracture': expected one of Avulsion fracture, "):
        draw_radiograph("Buckle fracture", 0)


def test_impossible_counts_and_shares_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="images_per_class=0: expected 1 or more"):
        write_synthetic(tmp_path, 0, seed=0)
    with pytest.raises(DataError, match=r"duplicate_fraction=1\.5: expected a share from 0 to 1"):
        write_synthetic(tmp_path, 1, seed=0, duplicate_fraction=1.5)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "fracture",
    [
        "Greenstick fracture",
        "Hairline Fracture",
        "Spiral Fracture",
        "Longitudinal fracture",
    ],
)
def test_the_mask_holds_what_the_break_took_from_the_bone(fracture: str) -> None:
    for seed in range(6):
        scene = _scene(fracture, seed)
        whole = project(scene.limb, [(scene.limb.bones, IDENTITY)], scene.placement, scene.size)
        pieces = scene.kind.pieces(scene.limb, scene.injury)
        lost = whole - project(scene.limb, pieces, scene.placement, scene.size)
        strong = lost > 0.3 * lost.max()
        mask = break_mask(fracture, seed)
        assert mask.shape == draw_radiograph(fracture, seed).shape
        assert strong[mask].sum() > 0.9 * strong.sum(), seed
        assert mask.mean() < 0.5


def test_a_file_has_the_mask_of_its_drawing(tmp_path: Path) -> None:
    write_synthetic(tmp_path, 2, seed=3, duplicate_fraction=0.5, near_duplicate_fraction=0.5)
    for path in _contents(tmp_path):
        mask = file_mask(path, 3)
        if "-near-" in path:
            assert mask is None
        else:
            assert mask is not None
            drawn = cv2.imread(str(tmp_path / path), cv2.IMREAD_GRAYSCALE)
            assert drawn is not None
            assert mask.shape == drawn.shape
    assert file_mask("Hairline Fracture/other.jpg", 3) is None
    assert file_mask("other/hairline-fracture-0001.jpg", 3) is None
