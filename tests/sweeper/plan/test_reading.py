"""Every content is decoded once, whatever is asked of it, by whom and under which name."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from datasets.decoding.describe import Described, Description
from datasets.decoding.readers import describe_files
from sweeper.config.schema import DataSection, SyntheticSection
from sweeper.plan import descriptions
from sweeper.plan.collect import Collection, collect, label_ranking
from sweeper.plan.descriptions import Descriptions, pictures_of
from sweeper.store.store import Store
from tests.sweeper.folders import write_images


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {"a": 4, "b": 4})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def read(root: Path, store: Store) -> Collection:
    return collect(DataSection(path=str(root)), store)


def test_each_file_is_decoded_once_for_manifest_copies_and_labels(
    images: Path, store: Store, decoded: list[str]
) -> None:
    first = read(images, store)
    label_ranking(first, Descriptions(store))
    assert sorted(decoded) == sorted(first.manifest["path"])
    decoded.clear()
    again = read(images, Store(store.address))
    assert decoded == []
    pd.testing.assert_frame_equal(again.manifest, first.manifest)
    pd.testing.assert_frame_equal(again.duplicates, first.duplicates)


def test_drawn_images_are_decoded_once(store: Store, decoded: list[str]) -> None:
    data = DataSection(synthetic=SyntheticSection(images_per_class=2), near_duplicates=False)
    first = collect(data, store)
    assert len(decoded) == 20
    pd.testing.assert_frame_equal(collect(data, store).manifest, first.manifest)
    assert len(decoded) == 20


def test_only_new_contents_of_a_changed_folder_are_decoded(
    images: Path, store: Store, decoded: list[str]
) -> None:
    read(images, store)
    decoded.clear()
    write_images(images, {"c": 3})
    shutil.copy(images / "c" / "0.png", images / "a" / "0.png")
    os.utime(images / "a" / "1.png")
    (images / "a" / "2.png").rename(images / "a" / "other.png")
    found = read(images, store)
    assert len(decoded) == 3
    assert {Path(path).name for path in decoded} == {"0.png", "1.png", "2.png"}
    assert all(found.images["width"] == 40)


def test_a_copy_of_a_folder_and_a_zip_of_it_are_known(
    images: Path, tmp_path: Path, store: Store, decoded: list[str]
) -> None:
    first = read(images, store)
    decoded.clear()
    shutil.copytree(images, tmp_path / "copy")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", images)
    for path in (tmp_path / "copy", Path(packed)):
        pd.testing.assert_frame_equal(read(path, store).manifest, first.manifest)
    assert decoded == []


def test_a_file_that_is_no_image_is_known_for_it(
    images: Path, store: Store, decoded: list[str]
) -> None:
    (images / "a" / "broken.png").write_bytes(b"no picture")
    first = read(images, store)
    decoded.clear()
    problem = read(images, store).manifest.set_index("path")["problem"]
    assert problem["a/broken.png"] == "cannot be read as an image: not an image"
    assert decoded == []
    assert len(first.images) == 8


def test_what_a_crash_or_a_lack_of_memory_says_of_a_file_is_not_kept(
    images: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = ["a/0.png"]

    def describe(root: str, paths: Sequence[str]) -> Iterator[tuple[str, Described]]:
        for path, described in describe_files(root, paths):
            crashed = Described(Description(problem="crashes its decoder"))
            yield path, crashed if path in crashes else described

    monkeypatch.setattr(descriptions, "describe_files", describe)
    assert len(read(images, store).images) == 7
    crashes.clear()
    assert len(read(images, store).images) == 8


def test_a_killed_pass_goes_on_where_it_was(
    images: Path, store: Store, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(descriptions, "_FILES_PER_ARTIFACT", 3)
    whole = describe_files

    def killed(root: str, paths: Sequence[str]) -> Iterator[tuple[str, Described]]:
        for number, read_file in enumerate(whole(root, paths)):
            if number == 7:
                raise KeyboardInterrupt
            yield read_file

    with monkeypatch.context() as patched:
        patched.setattr(descriptions, "describe_files", killed)
        with pytest.raises(KeyboardInterrupt):
            read(images, store)
    decoded.clear()
    assert len(read(images, store).images) == 8
    assert len(decoded) == 2


@pytest.mark.parametrize("name", ["rows.parquet", "pictures.parquet"])
def test_a_damaged_artifact_is_made_again(
    images: Path, store: Store, decoded: list[str], name: str
) -> None:
    first = read(images, store)
    store.filesystem.delete_dir(f"{store.root}/duplicates")
    (file,) = Path(store.root, "descriptions").rglob(name)
    file.write_bytes(bytes(len(file.read_bytes())))
    decoded.clear()
    again = read(images, store)
    assert len(decoded) == 8
    pd.testing.assert_frame_equal(again.manifest, first.manifest)
    pd.testing.assert_frame_equal(again.duplicates, first.duplicates)
    assert len(Descriptions(store)) == 8


def test_a_lost_picture_brings_back_the_artifact_that_it_was_in(images: Path, store: Store) -> None:
    found = read(images, store).images
    (file,) = Path(store.root, "descriptions").rglob("pictures.parquet")
    file.write_bytes(bytes(len(file.read_bytes())))
    wanted = [found["image_id"][3]]
    again = pictures_of(str(images), found, Descriptions(store), wanted)
    assert [image_id for image_id, _ in again] == wanted
    assert store.damaged() == set()


def test_a_store_that_is_only_looked_at_is_enough(
    images: Path, tmp_path: Path, decoded: list[str]
) -> None:
    (tmp_path / "looked at").mkdir()
    found = read(images, Store(str(tmp_path / "looked at"), writable=False))
    assert len(found.images) == len(decoded) == 8
    assert list((tmp_path / "looked at").iterdir()) == []
    pd.testing.assert_frame_equal(
        read(images, Store(str(tmp_path / "store"))).manifest, found.manifest
    )


def test_the_artifacts_of_a_collection_are_all_that_its_manifest_needs(
    images: Path, store: Store
) -> None:
    found = read(images, store)
    write_images(images, {"c": 3})
    both = read(images, store)
    assert [kind for kind, _ in found.artifacts] == ["listings", "descriptions"]
    assert [kind for kind, _ in both.artifacts] == ["listings", "descriptions", "descriptions"]
    assert {key for kind, key in both.artifacts if kind == "descriptions"} == set(
        store.keys("descriptions")
    )
