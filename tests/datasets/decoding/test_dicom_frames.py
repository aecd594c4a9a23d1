"""Compressed frames: the same pixels as uncompressed, or a refusal before decoding."""

import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG4HP41,
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from tests.datasets.decoding.dicom_files import compressed, dataset_of, dicom_file, ramp, written
from tests.datasets.decoding.picture_files import colours

LOSSLESS = [JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, RLELossless]
DEEP, FLAT = ramp(21, 25), (ramp(21, 25) >> 4).astype(np.uint8)  # odd sizes: padding matters
RGB = colours(25, 21)
SIGNED = DEEP.astype(np.int16) - 1000


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize("pixels", [DEEP, FLAT, RGB], ids=["16 bits", "8 bits", "colours"])
def test_lossless_syntaxes_keep_every_pixel(syntax: UID, pixels: np.ndarray) -> None:
    bits = 12 if pixels is DEEP else 8
    expected = decode_image(dicom_file(pixels, BitsStored=bits))
    np.testing.assert_array_equal(
        decode_image(compressed(pixels, syntax, BitsStored=bits)), expected
    )


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless], ids=lambda s: s.keyword)
def test_signed_pixels_keep_their_sign(syntax: UID) -> None:
    expected = decode_image(dicom_file(SIGNED))
    assert expected[0, 0, 0] == 0
    np.testing.assert_array_equal(decode_image(compressed(SIGNED, syntax)), expected)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless], ids=lambda s: s.keyword)
def test_signed_pixels_in_streams_without_signs_get_theirs_back(syntax: UID) -> None:
    data = compressed(SIGNED.view(np.uint16), syntax, PixelRepresentation=1)
    np.testing.assert_array_equal(decode_image(data), decode_image(dicom_file(SIGNED)))


@pytest.mark.parametrize(
    ("syntax", "pixels"), [(JPEGBaseline8Bit, FLAT), (JPEGExtended12Bit, DEEP)]
)
def test_lossy_jpeg_is_close(syntax: UID, pixels: np.ndarray) -> None:
    bits = 12 if pixels is DEEP else 8
    decoded = decode_image(compressed(pixels, syntax, BitsStored=bits))
    expected = decode_image(dicom_file(pixels, BitsStored=bits))
    assert np.abs(decoded.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("marked", [True, False], ids=["JFIF", "no marker"])
def test_jpeg_colours_are_converted_once(marked: bool) -> None:
    """YBR as in most files, and RGB stored as RGB, which libjpeg would interpret as YBR."""
    space = None if marked else imagecodecs.JPEG8.CS.RGB
    stream = imagecodecs.jpeg8_encode(
        RGB, level=98, colorspace=imagecodecs.JPEG8.CS.RGB, outcolorspace=space, subsampling="444"
    )
    kind = "YBR_FULL" if marked else "RGB"
    dataset = dataset_of(RGB, PhotometricInterpretation=kind)
    dataset.PixelData = encapsulate([bytes(stream)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    assert np.abs(decode_image(written(dataset)).astype(int) - RGB).max() <= 6


def _with_stream(stream: bytes, syntax: UID, **elements: int) -> bytes:
    dataset = dataset_of(FLAT, **elements)
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    return written(dataset)


@pytest.mark.parametrize(
    ("syntax", "stream"),
    [
        (JPEGBaseline8Bit, imagecodecs.jpeg8_encode(np.zeros((700, 600), np.uint8))),
        (JPEGLSLossless, imagecodecs.jpegls_encode(np.zeros((700, 600), np.uint8))),
        (
            JPEG2000Lossless,
            imagecodecs.jpeg2k_encode(np.zeros((700, 600), np.uint8), codecformat="j2k"),
        ),
    ],
)
def test_a_stream_whose_size_differs_from_the_header_is_refused(syntax: UID, stream: bytes) -> None:
    with pytest.raises(
        DataError, match="frame has 600 x 700 pixels of 1 sample, its header declares 25 x 21"
    ):
        decode_image(_with_stream(bytes(stream), syntax))


def test_a_stream_of_too_many_tiles_is_refused() -> None:
    size = struct.pack(">8I", 2000, 2000, 0, 0, 1, 1, 0, 0)
    stream = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + size + b"\x00\x01\x07\x01\x01" + bytes(50)
    with pytest.raises(DataError, match="more than 10000 tiles"):
        decode_image(_with_stream(stream, JPEG2000Lossless, Rows=2000, Columns=2000))


def test_boxes_without_length_do_not_hang() -> None:
    whole = bytes(imagecodecs.jpeg2k_encode(FLAT, codecformat="jp2", reversible=True, level=0))
    data = _with_stream(whole, JPEG2000Lossless)
    np.testing.assert_array_equal(decode_image(data), decode_image(dicom_file(FLAT)))
    broken = whole[:12] + bytes(4) + whole[16:]
    with pytest.raises(DataError, match="JP2 boxes are damaged"):
        decode_image(_with_stream(broken, JPEG2000Lossless))


def test_an_invalid_stream_is_refused() -> None:
    for syntax in (JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless):
        with pytest.raises(DataError, match="no JPEG"):
            decode_image(_with_stream(bytes(100), syntax))


def test_a_packed_bomb_is_not_unpacked() -> None:
    """64 bytes of header, then runs that would expand 64-fold."""
    stream = struct.pack("<16I", 1, 64, *([0] * 14)) + b"\x81\x07" * 10**6
    with pytest.raises(DataError, match="OUTPUT_TOO_SMALL"):
        decode_image(_with_stream(stream, RLELossless))


def test_an_unsupported_syntax_is_named_with_the_way_out() -> None:
    with pytest.raises(
        DataError, match=r"unsupported compression MPEG-4 .*; export it uncompressed"
    ):
        decode_image(_with_stream(bytes(100), MPEG4HP41))


def test_old_files_with_their_bits_at_the_top_are_read() -> None:
    high = dicom_file(DEEP << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(decode_image(high), decode_image(dicom_file(DEEP, BitsStored=12)))


def test_unused_bits_are_ignored() -> None:
    """Old files keep overlays in the unused bits."""
    overlaid = DEEP | 0x8000
    np.testing.assert_array_equal(
        decode_image(dicom_file(overlaid, BitsStored=12)),
        decode_image(dicom_file(DEEP, BitsStored=12)),
    )


def test_bilevel_frames_are_black_and_white() -> None:
    mask = np.arange(20 * 24).reshape(20, 24) % 3 == 0
    data = dataset_of(mask.astype(np.uint8), BitsAllocated=1, BitsStored=1, HighBit=0)
    data.PixelData = np.packbits(mask.ravel(), bitorder="little").tobytes()
    np.testing.assert_array_equal(decode_image(written(data))[..., 0], mask * 255)
