"""Unchanged files are not even read; a changed one is never taken for what it was."""

import os
import shutil
import time
from pathlib import Path

import pytest

from sweeper.config.schema import DataSection
from sweeper.plan import listings
from sweeper.plan.collect import collect
from sweeper.plan.listings import FileState, Listing
from sweeper.store.store import Store
from tests.sweeper.folders import write_images

PATHS = ["a/0.png", "a/1.png"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {"a": 2})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as left alone for long enough."""
    monkeypatch.setattr(listings, "SETTLED_S", -3600.0)


def hashed(root: Path, store: Store) -> dict[str, str]:
    """The hashes of all files, those that were not remembered read now."""
    listing = Listing(str(root), PATHS, store)
    found = listing.remembered()
    found |= listing.hashed([path for path in PATHS if path not in found])
    listing.remember(found)
    return found


@pytest.mark.usefixtures("settled")
def test_files_of_a_known_listing_are_not_read(
    images: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hashed(images, store)
    images = images.rename(images.with_name("moved"))
    monkeypatch.setattr(listings, "_hash", lambda path: 1 / 0)
    assert hashed(images, store) == before


@pytest.mark.usefixtures("settled")
def test_only_a_changed_file_is_read_again(images: Path, store: Store) -> None:
    before = hashed(images, store)
    shutil.copy(images / PATHS[1], images / PATHS[0])
    listing = Listing(str(images), PATHS, store)
    assert listing.remembered() == {PATHS[1]: before[PATHS[1]]}
    assert hashed(images, store) == dict.fromkeys(PATHS, before[PATHS[1]])


@pytest.mark.usefixtures("settled")
def test_folders_with_equal_paths_sizes_and_mtimes_are_told_apart(
    tmp_path: Path, store: Store
) -> None:
    found = []
    for name, data in (("original", b"one"), ("masked", b"two")):
        for path in PATHS:
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            os.utime(file, (0, 0))
        time.sleep(0.02)  # longer than a tick of the kernel's clock
        found.append(hashed(tmp_path / name, store))
    assert not set(found[0].values()) & set(found[1].values())


def test_a_file_that_changes_within_a_step_of_its_times_is_read_again(
    images: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns()
    monkeypatch.setattr(listings, "_state", lambda root, path: FileState(path, 3, now, now))
    before = hashed(images, store)
    shutil.copy(images / PATHS[1], images / PATHS[0])
    assert hashed(images, store)[PATHS[0]] == before[PATHS[1]] != before[PATHS[0]]


@pytest.mark.usefixtures("settled")
def test_a_store_that_is_only_looked_at_remembers_nothing(images: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = Store(str(tmp_path / "store"), writable=False)
    assert len(hashed(images, store)) == 2
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.usefixtures("settled")
def test_a_key_knows_no_folder_and_no_host(images: Path, tmp_path: Path, store: Store) -> None:
    key = Listing(str(images), PATHS, store).key
    images = images.rename(tmp_path / "elsewhere")
    listing = Listing(str(images), PATHS, store)
    assert listing.key == key
    assert str(tmp_path) not in str(listing.target.made_from)


@pytest.mark.usefixtures("settled")
def test_a_file_that_could_not_be_read_is_tried_again(images: Path, store: Store) -> None:
    data = DataSection(path=str(write_images(images, {"a": 4, "b": 4})))
    target = images / "b" / "0.png"
    target = target.rename(images / "b" / "target")
    (images / "b" / "0.png").symlink_to(target.with_name("nowhere"))
    problem = collect(data, store).manifest.set_index("path")["problem"]
    assert problem["b/0.png"] == "cannot be opened: No such file or directory"
    target.rename(target.with_name("nowhere"))
    assert not any(collect(data, store).manifest["problem"])
