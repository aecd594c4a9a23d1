"""One small valid file of every supported kind."""

import io
import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests.datasets.decoding.dicom_files import (
    ENCODERS,
    compressed,
    dataset_of,
    dicom_file,
    ramp,
    written,
)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.copy().save(buffer, kind, **options)  # a JPEG save leaves its options in the image
    return buffer.getvalue()


def colours(width: int = 24, height: int = 18) -> np.ndarray:
    """Smooth colours, (height, width, 3) uint8, which lossy formats change little."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    return np.stack([x + 20, y + 30, 220 - (x + y) / 2], axis=-1).round().astype(np.uint8)


def turned_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_of_grey(values: np.ndarray, bits: int, transparent: int | None = None) -> bytes:
    """A PNG file of (H, W) grey values with this bit depth, W * bits a multiple of 8.

    Written by hand, as Pillow writes neither low bit depths nor a transparent 16-bit grey.
    """
    rows = values.astype(">u2").view(np.uint8).reshape(*values.shape, 2)
    packed = np.packbits(np.unpackbits(rows, axis=2)[..., 16 - bits :].reshape(len(values), -1), 1)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", values.shape[1], len(values), bits, 0, 0, 0, 0))]
    if transparent is not None:
        chunks.append((b"tRNS", struct.pack(">H", transparent)))
    chunks.append((b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*chunks, (b"IEND", b"")]
    )


def tiff_of_colours(values: np.ndarray, orientation: int = 1, extra: int | None = None) -> bytes:
    """A TIFF file of (H, W, samples) uint16, which Pillow does not write.

    `extra`: the meaning of a fourth sample, 2 for an alpha channel.
    """
    height, width, samples = values.shape
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [16] * samples), 259: (3, [1])}
    tags |= {262: (3, [2]), 273: (4, [0]), 274: (3, [orientation]), 277: (3, [samples])}
    tags |= {278: (4, [height]), 279: (4, [values.nbytes]), 284: (3, [1])}
    tags |= {} if extra is None else {338: (3, [extra])}
    beyond, after = b"", 8 + 2 + 12 * len(tags) + 4
    depths = struct.pack(f"<{samples}H", *tags[258][1])
    tags[273] = (4, [after + len(depths)])
    entries = b""
    for tag, (kind, numbers) in sorted(tags.items()):
        data = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(data) > 4:
            beyond, data = beyond + data, struct.pack("<I", after + len(beyond))
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + data.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + bytes(4) + beyond + values.astype("<u2").tobytes()


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of pixels of 8 or 16 bits."""
    return bytes(imagecodecs.png_encode(pixels))


def raster_files() -> dict[str, bytes]:
    """Name -> bytes."""
    picture = Image.fromarray(colours())
    grey, deep = picture.convert("L"), Image.fromarray(ramp(18, 24, 65535))
    half = picture.copy()
    half.putalpha(128)
    ink = grey.copy()
    ink.putalpha(grey.point(lambda value: 255 * (value > 100)))
    wide = colours().astype(np.uint16) * 16
    return {
        "grey.jpg": encoded(grey, "JPEG"),
        "rgb.jpg": encoded(picture, "JPEG", quality=90),
        "progressive.jpg": encoded(picture, "JPEG", progressive=True),
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "turned.jpg": encoded(picture, "JPEG", exif=turned_exif(6)),
        "rgb.png": encoded(picture),
        "palette.png": encoded(picture.quantize(16)),
        "alpha.png": encoded(half),
        "deep.png": encoded(deep),
        "deep-colours.png": png(wide),
        "deep-alpha.png": png(np.dstack([wide, wide[..., 0]])),
        "deep-grey-alpha.png": png(np.ascontiguousarray(wide[..., :2])),
        "deep-key.png": png_of_grey(ramp(18, 24, 4095), 16, transparent=0),
        "grey-alpha.png": encoded(ink),
        "palette-alpha.png": encoded(picture.quantize(16), transparency=3),
        "bits.png": png_of_grey(ramp(18, 24, 15), 4, transparent=2),
        "deep-colours.tif": tiff_of_colours(wide),
        "alpha.tif": encoded(half, "TIFF"),
        "rgb.tif": encoded(picture, "TIFF"),
        "deep.tif": encoded(deep, "TIFF"),
        "lzw.tif": encoded(picture, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": encoded(picture, "TIFF", compression="jpeg"),
        "pages.tif": encoded(picture, "TIFF", save_all=True, append_images=[grey]),
        "lossless.webp": encoded(picture, "WEBP", lossless=True),
        "lossy.webp": encoded(half, "WEBP"),
        "rgb.bmp": encoded(picture, "BMP"),
        "palette.bmp": encoded(picture.quantize(16), "BMP"),
        "frames.gif": encoded(picture, "GIF", save_all=True, append_images=[grey.convert("RGB")]),
    }


def with_syntax(dataset: Dataset, syntax: UID) -> bytes:
    """An uncompressed or deflated file in another transfer syntax."""
    dataset.file_meta.TransferSyntaxUID = syntax
    return written(dataset)


def palette_elements() -> dict[str, Any]:
    """A palette of 16 colours: red rises, green falls, blue is 7."""
    steps = np.arange(16, dtype=np.uint8) * 17
    tables = {"Red": steps, "Green": steps[::-1], "Blue": np.full(16, 7, np.uint8)}
    elements: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, table in tables.items():
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = [16, 0, 8]
        elements[f"{colour}PaletteColorLookupTableData"] = table.tobytes()
    return elements


def dicom_files() -> dict[str, bytes]:
    """Name -> bytes."""
    grey, bright, rgb = ramp(), (ramp() >> 4).astype(np.uint8), colours()
    window = {"WindowCenter": 2000, "WindowWidth": 1000, "RescaleSlope": 2, "RescaleIntercept": -5}
    files = {
        "window.dcm": dicom_file(grey, BitsStored=12, **window, PatientID="P1"),
        "signed.dcm": dicom_file(
            grey.astype(np.int16) - 2000, PhotometricInterpretation="MONOCHROME1"
        ),
        "rgb.dcm": dicom_file(rgb),
        "palette.dcm": dicom_file(bright % 16, **palette_elements()),
        "frames.dcm": dicom_file(np.stack([grey, grey]), NumberOfFrames=2),
        "implicit.dcm": with_syntax(dataset_of(grey), ImplicitVRLittleEndian),
        "deflated.dcm": with_syntax(dataset_of(grey), DeflatedExplicitVRLittleEndian),
        "rle.dcm": compressed(grey, RLELossless),
    }
    for syntax in ENCODERS:
        pixels = bright if syntax.keyword == "JPEGBaseline8Bit" else grey
        files[f"{syntax.keyword}.dcm"] = compressed(
            pixels, syntax, BitsStored=8 if pixels is bright else 12
        )
    return files


def every_file() -> dict[str, bytes]:
    """Name -> bytes, of every kind."""
    return {**raster_files(), **dicom_files()}
