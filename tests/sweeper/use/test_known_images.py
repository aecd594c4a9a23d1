"""An image of the run is recognised, altered or not, and a new one is not."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun
from sweeper.use.known_images import KnownImage, KnownImages
from sweeper.use.new_images import read_each

PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def known(finished_run: FinishedRun) -> KnownImages:
    store = Store(finished_run.config.store)
    return KnownImages(finished_run, choose(finished_run, store), store)


@pytest.fixture(scope="module")
def of_parts(finished_run: FinishedRun) -> dict[str, tuple[str, Path]]:
    """One image of each part: its path in the run, and its file."""
    store = Store(finished_run.config.store)
    split = read_split(store, choose(finished_run, store).spec.split_key)
    images = pd.read_parquet(finished_run.folder / "results" / "images.parquet")
    path_of = images.set_index("image_id")["path"]
    (root,) = Path(finished_run.config.store).glob("images/*/*/")
    first = {part: split[split["part"] == part]["image_id"].iloc[0] for part in PARTS}
    return {part: (path_of[one], root / path_of[one]) for part, one in first.items()}


def found(known: KnownImages, run: FinishedRun, *paths: Path) -> list[KnownImage | None]:
    return known.find(list(read_each(paths, run.preprocessing("mobilenet"))))


@pytest.mark.parametrize("part", PARTS)
def test_a_file_of_the_run_is_recognised_with_its_part(
    known: KnownImages,
    finished_run: FinishedRun,
    of_parts: dict[str, tuple[str, Path]],
    part: str,
    tmp_path: Path,
) -> None:
    path, file = of_parts[part]
    stored_again = tmp_path / "again.bmp"
    Image.open(file).save(stored_again)  # other bytes, the same pixels
    expected = KnownImage("exact", path, part)
    assert found(known, finished_run, file, stored_again) == [expected, expected]
    assert f"in the {part} part" in str(expected)


def test_a_near_copy_is_recognised_however_it_was_altered(
    known: KnownImages,
    finished_run: FinishedRun,
    of_parts: dict[str, tuple[str, Path]],
    tmp_path: Path,
) -> None:
    path, file = of_parts["test"]
    picture = Image.open(file).convert("L")
    altered = {
        "jpeg.jpg": picture,
        "smaller.png": picture.resize((picture.width // 2, picture.height // 2)),
        "flipped.png": picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "brighter.png": picture.point(lambda value: min(255, value + 30)),
    }
    for name, image in altered.items():
        image.save(tmp_path / name)
    paths = [tmp_path / name for name in altered]
    assert Counter(found(known, finished_run, *paths)) == {KnownImage("near", path, "test"): 4}


def test_a_new_image_and_an_unreadable_one_are_not_recognised(
    known: KnownImages, finished_run: FinishedRun, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 60)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    (tmp_path / "bad.png").write_bytes(b"")
    paths = [tmp_path / "noise.png", tmp_path / "bad.png"]
    assert found(known, finished_run, *paths) == [None, None]
