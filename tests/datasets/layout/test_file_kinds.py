"""Files are recognised by their first bytes if their names are inconclusive."""

import io
from pathlib import Path

import pytest
from PIL import Image

from datasets.decoding.dicom_detection import HEADER_BYTES
from datasets.layout.file_kinds import is_image_content, suffix_of
from datasets.sources import read_folder

DICOM = bytes(128) + b"DICM"
BARE_DICOM = (
    b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100\x08\x00\x08\x00CS\x08\x00ORIGINAL"
    b"\x08\x00\x20\x00DA\x08\x0020240101\x08\x00\x60\x00CS\x02\x00MR"
)
IMPLICIT_DICOM = (
    b"\x08\x00\x00\x00\x04\x00\x00\x00\x12\x01\x00\x00\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100"
    b"\x08\x00\x08\x00\x08\x00\x00\x00ORIGINAL\x08\x00\x60\x00\x02\x00\x00\x00MR"
)


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 32), 9).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("name", ["picture", "p.jpg_large", "p.heic", "photo.jpg@500w", "x.1"])
def test_every_supported_format_is_recognised_under_any_name(kind: str, name: str) -> None:
    is_raw_tiff = kind == "TIFF" and name == "p.heic"
    assert is_image_content(name, picture(kind)[:HEADER_BYTES]) != is_raw_tiff


@pytest.mark.parametrize(
    "content",
    [b"", b"BMI,age\n20,31\n30,41\n", b"RIFF....WAVE", b"\xff\xd8", b"\x1f\x8b", bytes(600)],
)
def test_other_files_are_not_images(content: bytes) -> None:
    assert not is_image_content("file", content)


def test_dicom_without_its_preamble_is_recognised_under_any_name() -> None:
    for name in ("IM0001", "1.2.840.10008.5", "data.bin"):
        assert is_image_content(name, BARE_DICOM)
        assert is_image_content(name, IMPLICIT_DICOM)
        assert is_image_content(name, DICOM)


def test_the_extension_includes_the_one_before_gz() -> None:
    assert [suffix_of(name) for name in ("a.NII.GZ", "a.gz", "a", "1.2.840", "a.b.JPG")] == [
        ".nii.gz",
        ".gz",
        "",
        ".840",
        ".jpg",
    ]


def test_no_file_is_skipped_silently(tmp_path: Path) -> None:
    files = {
        "a/1.jpg": b"",
        "a/no_extension": picture("JPEG"),
        "a/2.jpg_large": picture("PNG"),
        "a/scan.IMA": DICOM,
        "a/IM1": BARE_DICOM,
        "a/mdb001.pgm": b"P5 1 1 255\n0",
        "a/brain.nii.gz": b"\x1f\x8b",
        "a/volume.mat": b"MATLAB",
        "a/clip.mp4": b"",
        "a/notes.txt": b"",
        "a/README": b"read me",
        "b/1.jpg": b"",
        "root.png": b"",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = read_folder(str(tmp_path))
    problems = {file.path: file.problem for file in found.files}
    assert {path for path, problem in problems.items() if not problem} == {
        "a/1.jpg",
        "a/no_extension",
        "a/2.jpg_large",
        "a/scan.IMA",
        "a/IM1",
        "b/1.jpg",
    }
    assert {path: why.split()[0] for path, why in problems.items() if why} == {
        "a/mdb001.pgm": ".pgm",
        "a/brain.nii.gz": ".nii.gz",
    }
    assert [remark.text for remark in found.remarks] == [
        "1 image outside of the class folders left out (root.png)",
        "2 files of unsupported types left out (1 .mp4, 1 .mat)",
        "2 files without images (1 without extension, 1 .txt)",
    ]
