"""Which columns may identify a person: they are never kept, shown or logged.

Judged by the column's name, and by its values: a text that is another one for nearly every image is
an identifier or a free text. A guess: it errs on the side of leaving out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORDS = frozenset(
    {"name", "surname", "firstname", "lastname", "forename", "vorname", "nachname", "initials"}
    | {"id", "ids", "uid", "uuid", "guid", "identifier", "mrn", "ssn", "nhs", "pid", "accession"}
    | {"patient", "patientid", "patientname", "subject", "subjectid", "case", "person", "study"}
    | {"studyid", "imageid", "exam", "visit", "insurance", "passport", "number", "nr", "key"}
    | {"birth", "birthdate", "birthday", "dob", "date", "datetime", "time", "timestamp"}
    | {"address", "street", "zip", "zipcode", "postcode", "postal", "city", "phone", "telephone"}
    | {"mobile", "fax", "email", "mail", "url", "ip", "doctor", "physician", "radiologist"}
    | {"operator", "reader", "comment", "comments", "note", "notes", "remark", "remarks", "report"}
    | {"text", "description", "findings", "impression", "path", "file", "filename", "hash"}
    | {"sha256", "md5"}
)
_HARMLESS = frozenset({"age", "sex", "gender", "site", "view", "type", "position"})
_FEW = 20  # values: so few cannot tell people apart
_DISTINCT = 0.5  # share of different texts from which a column identifies images


def may_identify(name: str, values: Sequence[str]) -> bool:
    """Whether a column may identify a person.

    Args:
        name: its name; `patient_age` and `patient sex` are harmless, `patient` is not.
        values: the texts of the images that have one.
    """
    words = set(words_of(name))
    is_harmless = bool(words & _HARMLESS)
    if words & _WORDS and not is_harmless:
        return True
    distinct = len(set(values))
    if distinct <= _FEW:
        return False
    if all(map(_is_number, values)):
        return distinct == len(values) and all(map(_is_whole, values)) and not is_harmless
    return distinct > _DISTINCT * len(values)


def words_of(name: str) -> list[str]:
    """The words of a column's name in lower case: `PatientAge_years` -> patient, age, years."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+\d*", spaced.casefold())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    return float(text).is_integer()
