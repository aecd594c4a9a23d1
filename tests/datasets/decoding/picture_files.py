"""One valid file of every kind that is read, small, made here."""

import io
from typing import Any

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
    """Smooth colours, (height, width, 3) uint8, which lossy formats keep nearly as they are."""
    x, y = np.meshgrid(np.linspace(0, 200, width), np.linspace(0, 200, height))
    return np.stack([x + 20, y + 30, 220 - (x + y) / 2], axis=-1).round().astype(np.uint8)


def turned_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def raster_files() -> dict[str, bytes]:
    """Name -> bytes."""
    picture = Image.fromarray(colours())
    grey, deep = picture.convert("L"), Image.fromarray(ramp(18, 24, 65535))
    half = picture.copy()
    half.putalpha(128)
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
