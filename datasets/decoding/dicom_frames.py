"""Read the stored values of a DICOM file's first frame.

pydicom reads uncompressed frames, imagecodecs decodes compressed ones. A compressed frame declares
its own size, which decoders trust and which need not be the header's, so it is checked first.
imagecodecs (BSD) wraps libjpeg-turbo, CharLS and OpenJPEG; of the usual alternatives, python-gdcm
(Apache) crashed on 1 damaged file in 40, and pylibjpeg-libjpeg is GPL.
"""

from typing import Any

import imagecodecs
import numpy as np
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import Decoder, DecodeRunner, get_decoder
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from datasets.decoding.levels import Stored
from datasets.errors import DataError

_MAX_TILES = 10_000  # of one JPEG 2000 frame; each needs memory
_PLUGIN = "imagecodecs"
DECODER_DEPENDENCIES: dict[UID, tuple[str, ...]] = {}  # required of every pydicom plugin


def first_frame(dataset: Dataset) -> Stored:
    """Decode the first frame.

    Returns:
        The bits as stored, (H, W) or (H, W, 3), uint8 or uint16; YBR colours already RGB.

    Raises:
        DataError: not 1, 8 or 16 bits and 1 or 3 samples, a compression without a decoder, or a
            compressed frame whose size differs from the header's.
    """
    samples, bits = int(dataset.get("SamplesPerPixel") or 1), int(dataset.get("BitsAllocated") or 0)
    if samples not in (1, 3) or bits not in (1, 8, 16):
        raise DataError(
            f"{samples} samples of {bits} bits a pixel: expected 1 or 3 samples of 1, 8 or 16 bits"
        )
    dataset.SamplesPerPixel = samples
    dataset.NumberOfFrames = max(1, int(dataset.get("NumberOfFrames") or 1))
    syntax = _transfer_syntax(dataset)
    decoder = _decoder(syntax)
    if syntax.is_encapsulated and syntax != RLELossless:
        _check_codestream(_compressed(dataset), syntax, dataset)
    values, _ = decoder.as_array(
        dataset,
        index=0,
        decoding_plugin=_PLUGIN if syntax.is_encapsulated else "",
        **({} if syntax.is_encapsulated else {"correct_unused_bits": False}),  # type: ignore[arg-type]
    )
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.ascontiguousarray(native).view(f"u{native.dtype.itemsize}")


def _transfer_syntax(dataset: Dataset) -> UID:
    """The declared transfer syntax, or the one that pydicom inferred."""
    named = dataset.file_meta.get("TransferSyntaxUID")
    if named:
        return UID(named)
    implicit, little = dataset.original_encoding
    if implicit:
        found = ImplicitVRLittleEndian
    else:
        found = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = found
    return found


def _decoder(syntax: UID) -> Decoder:
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DataError(f"unsupported compression {syntax.name}; export it uncompressed") from None
    if syntax.is_encapsulated and _PLUGIN not in decoder.available_plugins:
        decoder.add_plugin(_PLUGIN, (__name__, decode_frame.__name__))
    return decoder


def is_available(syntax: str) -> bool:
    """Required of every pydicom plugin; this one is registered only for syntaxes it supports."""
    return True


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Decode one compressed frame, and set on `runner` the layout of the bytes returned."""
    syntax = runner.transfer_syntax
    if syntax == RLELossless:
        runner.set_option("planar_configuration", 1)
        dtype = np.dtype(f"<u{runner.bits_allocated // 8}")
        size = int(runner.frame_length(unit="bytes"))
        return bytes(imagecodecs.dicomrle_decode(source, dtype, out=size))
    values = _decode_codestream(source, syntax)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")  # the decoder converts to RGB
    runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    return values.tobytes()


def _decode_codestream(source: bytes, syntax: UID) -> np.ndarray[Any, Any]:
    """(H, W) or (H, W, samples), in the colour space of the stream."""
    if syntax in JPEG2000TransferSyntaxes:
        return imagecodecs.jpeg2k_decode(source, numthreads=1)
    if syntax in JPEGLSTransferSyntaxes:
        return imagecodecs.jpegls_decode(source)
    # jpeg_decode() would fall back to decoders that crash on damaged files
    same = None if _jpeg_size(source)[2] == 1 else imagecodecs.JPEG8.CS.RGB
    return imagecodecs.jpeg8_decode(source, colorspace=same, outcolorspace=same)


def _compressed(dataset: Dataset) -> bytes:
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    return get_frame(
        dataset.PixelData,
        0,
        number_of_frames=int(dataset.NumberOfFrames),
        extended_offsets=offsets if all(offsets) else None,
    )


def _check_codestream(frame: bytes, syntax: UID, dataset: Dataset) -> None:
    is_2000 = syntax in JPEG2000TransferSyntaxes
    found = _jpeg_2000_size(frame) if is_2000 else _jpeg_size(frame)
    expected = int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel)
    if found != expected:
        raise DataError(
            f"its compressed frame has {_size_text(found)}, its header declares "
            f"{_size_text(expected)}"
        )


def _size_text(size: tuple[int, int, int]) -> str:
    height, width, samples = size
    return f"{width} x {height} pixels of {samples} {'sample' if samples == 1 else 'samples'}"


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    """Height, width and components of a JPEG or JPEG-LS stream, from its SOF marker."""
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 10 <= len(frame) and frame[at] == 0xFF:
        marker, length = frame[at + 1], int.from_bytes(frame[at + 2 : at + 4], "big")
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            height, width = frame[at + 5 : at + 7], frame[at + 7 : at + 9]
            return int.from_bytes(height, "big"), int.from_bytes(width, "big"), frame[at + 9]
        at += 1 if marker == 0xFF else 2 + length  # 0xFF before a marker is a fill byte
    raise DataError("cannot be read as an image: its compressed frame has no JPEG header")


def _jpeg_2000_size(frame: bytes) -> tuple[int, int, int]:
    """Height, width and components of a JPEG 2000 stream, from its SIZ marker."""
    stream = frame[_stream_start(frame) :][:42]
    if stream[:4] != b"\xff\x4f\xff\x51" or len(stream) < 42:
        raise DataError("cannot be read as an image: its compressed frame is no JPEG 2000 stream")
    right, bottom, left, top, tile_width, tile_height = np.frombuffer(
        stream, ">u4", count=6, offset=8
    ).tolist()
    width, height = right - left, bottom - top
    if width * height > _MAX_TILES * tile_width * tile_height:
        raise DataError(f"a JPEG 2000 frame of more than {_MAX_TILES} tiles; re-export it")
    return height, width, int.from_bytes(stream[40:42], "big")


def _stream_start(frame: bytes) -> int:
    """Offset of the codestream: 0, as DICOM requires, or after the "jp2c" box of a JP2 file."""
    at = 0
    while frame[4:8] == b"jP  " and frame[at + 4 : at + 8] != b"jp2c":
        length = int.from_bytes(frame[at : at + 4], "big")
        if not 8 <= length < len(frame) - at:  # a length of 0 would never end
            raise DataError("cannot be read as an image: its JP2 boxes are damaged")
        at += length
    return at + 8 if at else 0
