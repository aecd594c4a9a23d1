"""DICOM files: which contain images, their patient, and refusals before decoding."""

import hashlib
import io
import zlib
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from datasets.decoding import dicom, limits
from datasets.decoding.decode import decode_image, read_picture
from datasets.decoding.dicom import patient_hash, read_dicom
from datasets.decoding.dicom_detection import is_dicom
from datasets.errors import DataError
from tests.datasets.decoding.dicom_files import dataset_of, dicom_file, ramp, written
from tests.datasets.decoding.picture_files import raster_files, with_syntax

RAMP = ramp()
SHOWN = np.repeat(np.rint(RAMP / 4095 * 255).astype(np.uint8)[..., None], 3, axis=2)


def test_content_tells_dicom_files_from_others() -> None:
    assert is_dicom(dicom_file(RAMP))
    assert is_dicom(dicom_file(RAMP)[:132])
    assert not any(is_dicom(data) for data in raster_files().values())
    assert not is_dicom(b"")


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_every_uncompressed_syntax_gives_the_same_pixels(syntax: pydicom.uid.UID) -> None:
    dataset = dataset_of(RAMP)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = RAMP.astype(">u2").tobytes()
        dataset["PixelData"].VR = "OW"
    np.testing.assert_array_equal(decode_image(with_syntax(dataset, syntax)), SHOWN)


def test_a_file_that_does_not_name_its_syntax_is_read() -> None:
    data = with_syntax(dataset_of(RAMP), ImplicitVRLittleEndian)
    start = data.index(b"\x02\x00\x10\x00UI")
    end = start + 8 + data[start + 6]
    length = int.from_bytes(data[140:144], "little") - (end - start)
    nameless = data[:140] + length.to_bytes(4, "little") + data[144:start] + data[end:]
    assert not pydicom.dcmread(io.BytesIO(nameless)).file_meta.get("TransferSyntaxUID")
    np.testing.assert_array_equal(decode_image(nameless), SHOWN)


def test_the_first_of_several_frames_is_used() -> None:
    frames = np.stack([RAMP, RAMP[::-1], np.zeros_like(RAMP)])
    np.testing.assert_array_equal(decode_image(dicom_file(frames, NumberOfFrames=3)), SHOWN)
    with pytest.raises(DataError, match="truncated"):
        decode_image(dicom_file(frames, NumberOfFrames=4))


def test_the_patient_is_a_hash_of_the_issuer_and_the_id() -> None:
    _, patient = read_dicom(dicom_file(RAMP, PatientID="P1", IssuerOfPatientID="Ward 3"))
    assert patient == hashlib.sha256(b"Ward 3\0P1").hexdigest()[:16]


def test_the_same_id_of_another_issuer_is_another_patient() -> None:
    def patient(**elements: Any) -> str:
        return read_picture(dicom_file(RAMP, **elements)).patient

    assert patient(PatientID="P1") == patient(PatientID="P1 ") == patient(PatientID="P1")
    assert patient(PatientID="P1") != patient(PatientID="P2")
    assert patient(PatientID="P1", IssuerOfPatientID="A") != patient(PatientID="P1")
    assert patient(PatientID="P1", IssuerOfPatientID="A") != patient(
        PatientID="P1", IssuerOfPatientID="B"
    )
    assert patient(PatientID="Müller", SpecificCharacterSet="ISO_IR 192") != ""


@pytest.mark.parametrize("elements", [{}, {"PatientID": ""}, {"PatientID": "  "}])
def test_without_an_id_there_is_no_patient(elements: dict[str, str]) -> None:
    assert read_picture(dicom_file(RAMP, IssuerOfPatientID="A", **elements)).patient == ""


def test_no_message_contains_the_patient_id() -> None:
    dataset = dataset_of(RAMP, PatientID="SECRET", Rows=21)
    with pytest.raises(DataError) as caught:
        decode_image(written(dataset))
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in patient_hash(dataset)


def test_a_dicomdir_is_not_an_image(tmp_path: Any) -> None:
    index = FileSet()
    index.add(
        dataset_of(
            RAMP,
            PatientID="P",
            StudyInstanceUID="1.2",
            SeriesInstanceUID="1.3",
            StudyDate="20200101",
            StudyTime="120000",
            StudyID="1",
            Modality="OT",
            SeriesNumber=1,
            InstanceNumber=1,
            PatientName="N",
        )
    )
    index.write(tmp_path)
    with pytest.raises(DataError, match="a DICOMDIR: it lists files"):
        decode_image((tmp_path / "DICOMDIR").read_bytes())


def test_a_report_has_no_pixels_and_says_what_it_is() -> None:
    dataset = dataset_of(RAMP)
    for keyword in ("PixelData", "Rows", "Columns"):
        delattr(dataset, keyword)
    report = UID("1.2.840.10008.5.1.4.1.1.88.11")
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = report
    with pytest.raises(DataError, match=r"without pixels \(Basic Text SR Storage\)"):
        decode_image(written(dataset))


def test_floating_point_pixels_are_refused() -> None:
    dataset = dataset_of(RAMP, BitsAllocated=32)
    del dataset.PixelData
    dataset.FloatPixelData = RAMP.astype(np.float32).tobytes()
    with pytest.raises(DataError, match="floating-point"):
        decode_image(written(dataset))


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"Rows": 9000, "Columns": 9000}, "9000 x 9000 pixels: too large"),
        ({"Rows": 65535, "Columns": 65535}, "too large"),
        ({"Rows": 8}, "24 x 8 pixels: too small"),
        ({"Rows": 0}, "does not declare its image size"),
        ({"Columns": None}, "does not declare its image size"),
        ({"Rows": 400}, "truncated"),
        ({"SamplesPerPixel": 4}, "4 samples of 16 bits"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "1 samples of 32 bits"),
        ({"PhotometricInterpretation": "HSV"}, "HSV"),
        ({"HighBit": 15, "BitsStored": 2, "BitsAllocated": 8}, "HighBit=15|High Bit"),
    ],
)
def test_impossible_headers_are_refused(elements: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_image(dicom_file(RAMP, **elements))


def test_a_deflated_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom, "MAX_BYTES", 10_000)
    monkeypatch.setattr(limits, "MAX_BYTES", 10_000)
    data = with_syntax(dataset_of(RAMP), DeflatedExplicitVRLittleEndian)
    head = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    inflated = zlib.decompress(data[head:], -zlib.MAX_WBITS) + bytes(10**8)
    bomb = data[:head] + packer.compress(inflated) + packer.flush()
    assert len(bomb) < 200_000
    with pytest.raises(DataError, match="too large"):
        dicom.read_dicom(bomb)
