"""Finding and reading new image files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.decoding.describe import describe
from datasets.errors import DataError
from datasets.preprocess import Preprocessing, preprocess
from datasets.sources import read_folder
from sweeper.use.new_images import image_files, read_each
from tests.datasets.decoding.dicom_files import dicom_file, ramp
from tests.datasets.decoding.picture_files import every_file

HOW = Preprocessing(48, fit="pad", interpolation="bicubic")


def test_a_folder_stands_for_the_images_below_it(tmp_path: Path) -> None:
    content = {"IM1": dicom_file(ramp()), "f.jpg_large": every_file()["rgb.jpg"]}
    names = ("b.png", "deep/a.jpg", "deep/c.txt", ".hidden/d.png", "e.heic", "notes", *content)
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.get(name, b""))
    found = image_files([tmp_path, tmp_path / "b.png"])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "IM1",
        "b.png",
        "deep/a.jpg",
        "e.heic",
        "f.jpg_large",
    ]


def test_a_table_stands_for_the_images_that_it_names(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text(f"path;site\nscans\\1.png;x\n{tmp_path}/2.png;y\n")
    assert image_files([table]) == [tmp_path / "scans/1.png", tmp_path / "2.png"]
    table.write_text("name\n1.png\n")
    with pytest.raises(DataError, match=r"new.csv': no column path; its columns are name"):
        image_files([table])


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match="a folder without image files"):
        image_files([tmp_path])


def test_every_kind_is_read_as_in_training_with_the_same_hashes(tmp_path: Path) -> None:
    for name, data in every_file().items():
        (tmp_path / name).write_bytes(data)
    for image in read_each(image_files([tmp_path]), HOW):
        expected = preprocess(decode_image(image.path.read_bytes()), HOW)
        assert image.pixels is not None
        np.testing.assert_array_equal(image.pixels, expected)
        described = describe(str(image.path)).description
        assert (image.content_hash, image.pixel_hash) == (
            described.content_hash,
            described.pixel_hash,
        )


def test_an_unreadable_file_has_a_problem_and_keeps_its_position(tmp_path: Path) -> None:
    Image.new("L", (20, 20)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"")
    paths = [tmp_path / name for name in ("bad.png", "good.png", "gone.png")]
    read = list(read_each(paths, HOW))
    assert [image.path for image in read] == paths
    assert [image.problem for image in read] == [
        "cannot be read as an image: empty file",
        "",
        "no such file",
    ]


def test_an_unsupported_format_has_the_reason_given_by_the_audit(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for name in ("a.pgm", "b.heic", "c.nii.gz", "d.svs"):
        (tmp_path / "class" / name).write_bytes(b"II*\0" if name == "d.svs" else b"P5 2 2 255 abcd")
    Image.new("L", (20, 20)).save(tmp_path / "class" / "e.png")
    (tmp_path / "class" / "e.png").rename(tmp_path / "class" / "e.heic")
    (tmp_path / "class" / "f.png").write_bytes(b"P5 2 2 255 abcd")
    audited = {one.path: one.problem for one in read_folder(str(tmp_path)).files}
    problems = {
        image.path.relative_to(tmp_path).as_posix(): image.problem
        for image in read_each(image_files([tmp_path]), HOW)
    }
    assert problems["class/a.pgm"] == ".pgm is not supported; save it as PNG or TIFF"
    assert problems.pop("class/f.png").startswith("cannot be read as an image")
    assert problems == {path: why for path, why in audited.items() if path != "class/f.png"}
