"""DICOM files written for the tests: uncompressed by pydicom, compressed by imagecodecs."""

import io
from typing import Any

import imagecodecs
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

CLASS = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture
ENCODERS = {
    JPEGBaseline8Bit: lambda pixels: imagecodecs.jpeg8_encode(pixels, level=100),
    JPEGExtended12Bit: lambda pixels: imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12),
    JPEGLosslessSV1: lambda pixels: imagecodecs.jpeg8_encode(
        pixels, lossless=True, predictor=1, bitspersample=8 * pixels.itemsize
    ),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEG2000Lossless: lambda pixels: imagecodecs.jpeg2k_encode(
        pixels, codecformat="j2k", reversible=True, level=0
    ),
    HTJ2KLossless: lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True),
}


def ramp(height: int = 20, width: int = 24, top: int = 4095) -> np.ndarray:
    """A slope of grey values 0..top, (height, width) uint16."""
    return np.linspace(0, top, height * width).round().astype(np.uint16).reshape(height, width)


def dataset_of(pixels: np.ndarray, **elements: Any) -> Dataset:
    """A data set of (H, W), (H, W, 3) or, with NumberOfFrames, (F, H, W) pixels, uncompressed.

    `elements` are set last, by their keywords.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(CLASS)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.3")
    frame = pixels[0] if "NumberOfFrames" in elements else pixels
    dataset.Rows, dataset.Columns = frame.shape[:2]
    dataset.SamplesPerPixel = 1 if frame.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if frame.ndim == 2 else "RGB"
    if frame.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    if "BitsStored" in elements and "HighBit" not in elements:
        dataset.HighBit = dataset.BitsStored - 1
    return dataset


def written(dataset: Dataset) -> bytes:
    """The bytes of the file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom_file(pixels: np.ndarray, **elements: Any) -> bytes:
    return written(dataset_of(pixels, **elements))


def compressed(pixels: np.ndarray, syntax: UID, **elements: Any) -> bytes:
    """A file of one frame, compressed."""
    dataset = dataset_of(pixels, **elements)
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    else:
        dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](pixels))])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = syntax
    return written(dataset)
