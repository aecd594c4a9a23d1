"""Read DICOM files with pydicom: the first frame as a viewer displays it, and the patient's hash.

Only the elements needed are read, and sizes are checked from the header before any pixel is
decoded. Errors of pydicom on damaged files pass through; `decode` converts them.
"""

import hashlib
import io
import logging
import warnings
import zlib

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from datasets.decoding.dicom_detection import with_preamble
from datasets.decoding.dicom_display import show
from datasets.decoding.dicom_frames import first_frame
from datasets.decoding.limits import MAX_BYTES, check_file_size, check_picture_size
from datasets.errors import DataError

_META_LENGTH = slice(140, 144)  # the value of (0002,0000), the first element after the magic
_META_START = 144
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT = b"1.2.840.10008.1.2.1"
_DICOMDIR = "1.2.840.10008.1.3.10"
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_TAGS = [
    *("SOPClassUID", "PatientID", "IssuerOfPatientID", "NumberOfFrames", "Rows", "Columns"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated"),
    *("BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue"),
    *("PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", *_GROUPS),
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in ("Red", "Green", "Blue")),
    *(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue")),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
]

_OPEN_TAGS = frozenset(
    {"PatientAge", "PatientSex", "Manufacturer", "Modality", "ViewPosition", "BodyPartExamined"}
)  # what `header_texts` may read: nothing that identifies a person

# pydicom warns of and logs every oddity of a file; failures end up in the manifest's `problem`.
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def read_dicom(data: bytes) -> tuple[NDArray[np.uint8], str]:
    """Decode the first frame and hash the patient's identity. The preamble may be missing.

    Grey values go through the rescale slope and intercept (or the modality table), then the VOI
    table or the first VOI window; without either, and where these show next to nothing of the
    image, the smallest value is black and the largest white. MONOCHROME1 is inverted, padding is
    black. YBR and palette colours become RGB.

    Returns:
        (H, W, 3) uint8, and the patient's hash: see `patient_hash`.

    Raises:
        DataError: no pixels (a DICOMDIR, a report), too large or too small, or an unsupported
            pixel type or compression.
    """
    source = io.BytesIO(_inflated(with_preamble(data)))
    try:
        dataset = dcmread(source, specific_tags=[*_TAGS], force=True)  # `is_dicom` has checked
        _check_pixels(dataset)
        return show(dataset, first_frame(dataset)), patient_hash(dataset)
    except (BytesLengthException, InvalidDicomError) as error:
        raise ValueError(str(error)) from error


def patient_hash(dataset: Dataset) -> str:
    """16 hex digits of the sha256 of issuer and PatientID, "" without a PatientID.

    The id itself is personal data and is never stored, shown or logged. The hash keeps a patient's
    images together. It is a pseudonym, not anonymous: whoever knows an id can compute its hash.
    """
    patient = str(dataset.get("PatientID") or "").strip(" \0")
    issuer = str(dataset.get("IssuerOfPatientID") or "").strip(" \0")
    if not patient:
        return ""
    return hashlib.sha256(f"{issuer}\0{patient}".encode()).hexdigest()[:16]


def header_texts(data: bytes, keywords: list[str]) -> dict[str, str]:
    """The texts of elements of a header, by keyword; of several values the first.

    Elements that name a person or a number of one are refused with a ValueError.
    """
    if private := [keyword for keyword in keywords if keyword not in _OPEN_TAGS]:
        raise ValueError(f"{', '.join(private)}: may identify a person")
    source = io.BytesIO(_inflated(with_preamble(data)))
    dataset = dcmread(source, specific_tags=keywords, stop_before_pixels=True, force=True)
    return {keyword: _first_text(dataset.get(keyword)) for keyword in keywords}


def _first_text(value: object) -> str:
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return "" if value is None else str(value).strip(" \0")


def _inflated(data: bytes) -> bytes:
    """Inflate a deflated file; pydicom would do so without a size limit."""
    end = _META_START + int.from_bytes(data[_META_LENGTH], "little")
    meta = data[:end]
    if _DEFLATED not in meta:
        return data
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[end:], MAX_BYTES + 1)
    check_file_size(len(inflated))
    return meta.replace(_DEFLATED, _EXPLICIT.ljust(len(_DEFLATED), b"\0")) + inflated


def _check_pixels(dataset: Dataset) -> None:
    """Refuse files without an image, or with one too large or too small, by the header alone."""
    kind = dataset.file_meta.get("MediaStorageSOPClassUID") or dataset.get("SOPClassUID")
    if kind == _DICOMDIR:
        raise DataError("a DICOMDIR: it lists files and contains no image")
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise DataError("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    if "PixelData" not in dataset:
        name = getattr(kind, "name", None) or "of unknown kind"
        if "Rows" in dataset:
            raise DataError("a DICOM image without its pixel data: truncated or damaged")
        raise DataError(f"a DICOM file without pixels ({name})")
    if not dataset.get("Rows") or not dataset.get("Columns"):
        raise DataError("a DICOM file that does not declare its image size")
    check_picture_size(int(dataset.Columns), int(dataset.Rows))
