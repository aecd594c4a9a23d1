"""What identifies an image, which files are left out and why, and when that is too many."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from datasets.manifest import COLUMNS, build_manifest, check_problems, manifest_hash, usable
from datasets.sources import list_folder
from tests.datasets.decoding.dicom_files import dicom_file, ramp
from tests.datasets.decoding.picture_files import colours, encoded

JPEG = encoded(Image.fromarray(colours(40, 30)), "JPEG", quality=90)


def _png(width: int, height: int) -> bytes:
    return encoded(Image.fromarray(colours(width, height)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, data in {
        "a/1.png": _png(24, 18),
        "a/2.png": _png(17, 19),
        "a/3.png": _png(24, 18),
        "b/1.png": _png(24, 18),
        "b/broken.jpg": JPEG[:300],
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_every_file_has_a_row_and_the_broken_one_says_why(folder: Path) -> None:
    manifest = build_manifest(str(folder), list_folder(str(folder)))
    assert tuple(manifest.columns) == COLUMNS
    assert list(manifest["path"]) == ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/broken.jpg"]
    assert manifest.loc[4, "problem"] == "cannot be read as an image: truncated"
    assert list(usable(manifest)["path"]) == list(manifest["path"][:4])
    assert tuple(manifest.loc[1, ["width", "height"]]) == (17, 19)


def test_a_file_that_is_gone_is_a_row_with_a_problem(folder: Path) -> None:
    files = list_folder(str(folder))
    (folder / "a/2.png").unlink()
    manifest = build_manifest(str(folder), files)
    assert manifest.loc[1, "problem"] == "cannot be opened: No such file or directory"


def test_equal_bytes_share_a_hash_and_still_have_their_own_ids(folder: Path) -> None:
    manifest = build_manifest(str(folder), list_folder(str(folder)))
    ids = dict(zip(manifest["path"], manifest["image_id"], strict=True))
    assert ids["a/3.png"] == ids["a/1.png"] + "-2"
    assert ids["b/1.png"] == ids["a/1.png"] + "-3"
    assert manifest["image_id"].is_unique
    assert list(manifest["group"]) == list(manifest["image_id"])


def test_the_hash_knows_content_and_class_but_no_path(folder: Path, tmp_path: Path) -> None:
    before = build_manifest(str(folder), list_folder(str(folder)))
    (folder / "a/2.png").rename(folder / "a/0 renamed.png")
    (folder / "b/broken.jpg").unlink()
    renamed = build_manifest(str(folder), list_folder(str(folder)))
    assert manifest_hash(renamed) == manifest_hash(before)
    (folder / "a/0 renamed.png").rename(folder / "b/2.png")
    moved = build_manifest(str(folder), list_folder(str(folder)))
    assert manifest_hash(moved) != manifest_hash(before)


def test_the_hash_is_the_same_where_layers_order_the_copies_otherwise(tmp_path: Path) -> None:
    same = _png(24, 18)
    hashes = set()
    for number, paths in enumerate([("a/1.png", "b/1.png"), ("train/a/1.png", "test/b/1.png")]):
        for path in paths:
            (tmp_path / str(number) / path).parent.mkdir(parents=True)
            (tmp_path / str(number) / path).write_bytes(same)
        root = str(tmp_path / str(number))
        hashes.add(manifest_hash(build_manifest(root, list_folder(root))))
    assert len(hashes) == 1


def test_equal_pixels_in_other_files_have_one_pixel_hash(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    picture = Image.fromarray(colours())
    (tmp_path / "a" / "1.png").write_bytes(encoded(picture))
    (tmp_path / "a" / "2.BMP").write_bytes(encoded(picture, "BMP"))
    (tmp_path / "a" / "3.dcm").write_bytes(dicom_file(colours()))
    (tmp_path / "a" / "4.png").write_bytes(_png(18, 24))
    (tmp_path / "a" / "5.png").write_bytes(b"broken")
    manifest = build_manifest(str(tmp_path), list_folder(str(tmp_path)))
    first, *others, turned, broken = manifest["pixel_hash"]
    pixels = decode_image(encoded(picture))
    assert first == hashlib.sha256(b"(18, 24, 3)" + pixels.tobytes()).hexdigest()
    assert set(others) == {first} != {turned}
    assert broken == ""


def test_dicom_files_say_whose_picture_it_is_and_nothing_says_the_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number, patient in enumerate(["NAME^SECRET", "NAME^SECRET", "OTHER"]):
        data = dicom_file(ramp() + np.uint16(number), PatientID=patient, PatientName="Secret")
        (tmp_path / "a" / f"{number}").write_bytes(data)
    (tmp_path / "a" / "z.png").write_bytes(_png(24, 18))
    manifest = build_manifest(str(tmp_path), list_folder(str(tmp_path)))
    one, same, other, none = manifest["patient"]
    assert one == same != other
    assert (len(one), none) == (16, "")
    assert "secret" not in manifest.to_csv().lower()


def test_what_the_folder_refuses_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(_png(24, 18))
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "a" / "link.png").symlink_to(tmp_path / "outside.png")
    root = str(tmp_path / "data")
    (row,) = build_manifest(root, list_folder(root)).to_dict("records")
    assert (row["bytes"], row["pixel_hash"]) == (0, "")
    assert row["problem"].startswith("a link that leads out of the data folder")


def _manifest(tmp_path: Path, good: int, bad: int) -> pd.DataFrame:
    """Classes `ab`, of so many good and bad files, and `whole`, of one good file."""
    for name in ("ab", "whole"):
        (tmp_path / name).mkdir()
    for number in range(good):
        (tmp_path / "ab" / f"good{number}.png").write_bytes(_png(20 + number, 20))
    for number in range(bad):
        (tmp_path / "ab" / f"bad{number}.png").write_bytes(b"bad")
    (tmp_path / "whole" / "1.png").write_bytes(_png(16, 16))
    return build_manifest(str(tmp_path), list_folder(str(tmp_path)))


def test_bad_files_are_left_out_while_their_class_keeps_three(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, good=3, bad=7)
    check_problems(manifest)
    assert usable(manifest)["class"].value_counts().to_dict() == {"ab": 3, "whole": 1}


@pytest.mark.parametrize("good", [0, 2])
def test_a_class_that_bad_files_make_too_small_is_named(tmp_path: Path, good: int) -> None:
    with pytest.raises(DataError) as caught:
        check_problems(_manifest(tmp_path, good, bad=7))
    message = str(caught.value)
    assert message.startswith(f"class 'ab': {good} usable images of {good + 7} files: ")
    assert "'ab/bad0.png' (cannot be read as an image: not an image), 'ab/bad1.png'" in message
    assert "and 4 more; expected 3 or more" in message
    assert message.isprintable()


def test_the_strict_stop_at_the_first_bad_file_and_hear_of_all(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, good=5, bad=4)
    with pytest.raises(DataError) as caught:
        check_problems(manifest, on_error="stop")
    message = str(caught.value)
    assert message.startswith("data.on_error=stop: 4 of 10 files cannot be used: 'ab/bad0.png' (")
    assert "and 1 more; repair or remove them, or set data.on_error: exclude" in message
    check_problems(usable(manifest), on_error="stop")
