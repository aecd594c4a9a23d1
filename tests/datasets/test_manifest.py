"""What becomes of every kind of image file, and what identifies an image."""

import contextlib
import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets.errors import DataError
from datasets.manifest import COLUMNS, build_manifest, decode_image, manifest_hash, usable
from datasets.sources import list_folder

ROOT = Path(__file__).parents[2]


def _encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _colours(size: tuple[int, int] = (12, 8)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)


JPEG = _encoded(Image.fromarray(_colours((40, 30))), "JPEG", quality=90)


def test_rgb_pixels_come_back_as_they_were() -> None:
    pixels = _colours()
    decoded = decode_image(_encoded(Image.fromarray(pixels)))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PNG", "WEBP"])
def test_every_lossless_format_is_read_in_a_fresh_process(kind: str, tmp_path: Path) -> None:
    """Pillow loads most of its plugins only when something asks for them."""
    pixels = _colours()
    path = tmp_path / "image"
    path.write_bytes(_encoded(Image.fromarray(pixels), kind, lossless=True))
    code = (
        "import sys; from datasets.manifest import decode_image;"
        "sys.stdout.buffer.write(decode_image(open(sys.argv[1], 'rb').read()).tobytes())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, check=True
    )
    assert run.stdout == pixels.tobytes()


def test_grey_is_repeated_in_three_channels() -> None:
    grey = _colours()[..., 0]
    np.testing.assert_array_equal(
        decode_image(_encoded(Image.fromarray(grey))), np.repeat(grey[..., None], 3, axis=2)
    )


def test_16_bit_grey_is_scaled_to_8_bits() -> None:
    values = np.array([[0, 257, 32896, 65535, 128, 129]], np.uint16)
    decoded = decode_image(_encoded(Image.fromarray(values)))
    np.testing.assert_array_equal(decoded[0, :, 0], [0, 1, 128, 255, 0, 1])


def test_palette_cmyk_and_bilevel_are_converted() -> None:
    red = Image.new("RGB", (4, 3), (255, 0, 0))
    np.testing.assert_array_equal(decode_image(_encoded(red.quantize(4))), np.asarray(red))
    cmyk = decode_image(_encoded(red.convert("CMYK"), "JPEG", quality=100))
    assert cmyk.shape == (3, 4, 3)
    np.testing.assert_allclose(cmyk.astype(int), np.asarray(red).astype(int), atol=4)
    assert decode_image(_encoded(Image.new("1", (4, 3), 1))).min() == 255


def test_transparency_is_composited_over_black() -> None:
    half = Image.new("RGBA", (2, 2), (200, 100, 50, 128))
    np.testing.assert_allclose(decode_image(_encoded(half))[0, 0], [100, 50, 25], atol=1)
    keyed = Image.new("RGB", (2, 2), (9, 9, 9))
    assert decode_image(_encoded(keyed, transparency=(9, 9, 9))).max() == 0


def test_the_exif_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # "rotate 90 degrees clockwise to display"
    pixels = _colours((12, 8))
    decoded = decode_image(_encoded(Image.fromarray(pixels), exif=exif))
    np.testing.assert_array_equal(decoded, np.rot90(pixels, -1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"not an image at all", "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (_encoded(Image.fromarray(_colours()))[:80], "cannot be read"),
        (_encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"), "floating-point"),
        (_encoded(Image.fromarray(np.full((2, 2), 70000, np.int32)), "TIFF"), "outside 0..65535"),
    ],
)
def test_what_cannot_be_decoded_is_told_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        decode_image(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("limit", [50, 90])  # beyond Pillow's error, and its mere warning
def test_a_decompression_bomb_is_an_error_not_a_warning(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    data = _encoded(Image.fromarray(_colours((12, 10))))
    with warnings.catch_warnings(record=True) as caught, pytest.raises(DataError, match="pixels"):
        decode_image(data)
    assert not caught


@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=40))
def test_damaged_bytes_give_an_image_or_a_data_error(position: int, junk: bytes) -> None:
    damaged = JPEG[:position] + junk + JPEG[position + len(junk) :]
    with contextlib.suppress(DataError):
        assert decode_image(damaged).ndim == 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, data in {
        "a/1.png": _encoded(Image.fromarray(_colours((12, 8)))),
        "a/2.png": _encoded(Image.fromarray(_colours((5, 6)))),
        "a/3.png": _encoded(Image.fromarray(_colours((12, 8)))),
        "b/1.png": _encoded(Image.fromarray(_colours((12, 8)))),
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
    assert tuple(manifest.loc[1, ["width", "height"]]) == (5, 6)


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
    same = _encoded(Image.fromarray(_colours()))
    hashes = set()
    for number, paths in enumerate([("a/1.png", "b/1.png"), ("train/a/1.png", "test/b/1.png")]):
        for path in paths:
            (tmp_path / str(number) / path).parent.mkdir(parents=True)
            (tmp_path / str(number) / path).write_bytes(same)
        root = str(tmp_path / str(number))
        hashes.add(manifest_hash(build_manifest(root, list_folder(root))))
    assert len(hashes) == 1
