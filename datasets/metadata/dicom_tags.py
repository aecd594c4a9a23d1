"""Read what DICOM headers say of the person, the machine and the view; never names or ids."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.decoding.decode import read_file, read_tags
from datasets.decoding.dicom_detection import is_dicom
from datasets.errors import DataError
from datasets.layout.file_kinds import head_of

TAGS_VERSION = 1
TAGS = {
    "DICOM age": "PatientAge",
    "DICOM sex": "PatientSex",
    "DICOM manufacturer": "Manufacturer",
    "DICOM modality": "Modality",
    "DICOM view": "ViewPosition",
    "DICOM body part": "BodyPartExamined",
}
"""Columns of the metadata, and the element that each is read from."""

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


def tags_of(path: Path) -> dict[str, str] | None:
    """The texts of `TAGS`, "" where there is none; None if the file is not DICOM or unreadable."""
    if not is_dicom(head_of(path)):
        return None
    try:
        found = read_tags(read_file(path), list(TAGS.values()))
    except DataError:
        return None
    texts = {name: found.get(keyword, "") for name, keyword in TAGS.items()}
    return {**texts, "DICOM age": years(texts["DICOM age"])}


def years(age: str) -> str:
    """A DICOM age string in years: `018M` -> 1.5; "" for others."""
    found = _AGE.fullmatch(age.strip().upper())
    if not found:
        return ""
    return f"{int(found[1]) / _PER_YEAR[found[2]]:.4g}"
