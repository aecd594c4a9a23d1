"""DICOM files are detected by content, with or without the preamble; other files never are."""

import random
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from datasets.decoding.decode import decode_image
from datasets.decoding.dicom_detection import HEADER_BYTES, is_dicom
from tests.datasets.decoding.dicom_files import dataset_of, ramp
from tests.datasets.decoding.picture_files import dicom_files, raster_files, with_syntax

_META_LENGTH = slice(140, 144)


def _without_meta(data: bytes) -> bytes:
    return data[144 + int.from_bytes(data[_META_LENGTH], "little") :]


@pytest.mark.parametrize("name", dicom_files())
def test_every_file_is_read_without_its_preamble(name: str) -> None:
    data = dicom_files()[name]
    for shortened in (data[132:], data[128:]):
        assert is_dicom(shortened[:HEADER_BYTES])
        np.testing.assert_array_equal(decode_image(shortened), decode_image(data))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_a_bare_data_set_is_read(syntax: pydicom.uid.UID) -> None:
    dataset = dataset_of(ramp())
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = ramp().astype(">u2").tobytes()
        dataset["PixelData"].VR = "OW"
    data = with_syntax(dataset, syntax)
    bare = _without_meta(data)
    assert is_dicom(bare[:HEADER_BYTES])
    np.testing.assert_array_equal(decode_image(bare), decode_image(data))


def test_a_deflated_data_set_without_preamble_is_found() -> None:
    data = with_syntax(dataset_of(ramp()), DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(decode_image(data[132:]), decode_image(data))


def test_the_files_of_scanners_are_found_without_their_preamble() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files"
    found = [path for path in folder.rglob("*.dcm") if path.read_bytes()[128:132] == b"DICM"]
    assert len(found) > 50
    assert all(is_dicom(path.read_bytes()[132 : 132 + HEADER_BYTES]) for path in found)


def test_nothing_else_is_detected_as_dicom() -> None:
    numbers = random.Random(0)
    junk = [numbers.randbytes(HEADER_BYTES) for _ in range(3000)]
    begun = [
        bytes([group, 0, 0, 0]) + numbers.randbytes(500) for group in (2, 8) for _ in range(500)
    ]
    texts = [b"", bytes(HEADER_BYTES), b"\x08\x00", b"class,path\n" * 90, b"DICM", b"\x02\0" * 512]
    sources = [path.read_bytes()[:HEADER_BYTES] for path in Path(__file__).parent.glob("*.py")]
    assert not any(map(is_dicom, [*junk, *begun, *texts, *sources, *raster_files().values()]))
