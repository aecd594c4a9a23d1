"""Detect DICOM files by their first bytes, with or without the preamble.

PS3.10 requires 128 bytes, "DICM" and the file meta group. Archives and scanners also write files
that begin with the file meta group or the data set itself. Those have no magic number; they count
as DICOM where their first elements form a sequence that the standard allows.
"""

from typing import Literal, NamedTuple

HEADER_BYTES = 1024
"""How much of a file `is_dicom` examines."""

_MAGIC, _PREAMBLE = b"DICM", 128
_MIN_ELEMENTS = 3
_META = 0x0002
_FIRST_GROUPS = (_META, 0x0008)
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT"})
_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN"}
    | {b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)

_Order = Literal["little", "big"]


class _Element(NamedTuple):
    tag: tuple[int, int]
    end: int


def is_dicom(start: bytes) -> bool:
    """Whether a file that begins with these bytes (`HEADER_BYTES` of them, or all) is DICOM."""
    return start[_PREAMBLE : _PREAMBLE + 4] == _MAGIC or _lacks_preamble(start)


def with_preamble(data: bytes) -> bytes:
    """Add a missing preamble to a DICOM file that has a file meta group."""
    if data[_PREAMBLE : _PREAMBLE + 4] == _MAGIC:
        return data
    if data.startswith(_MAGIC):
        return bytes(_PREAMBLE) + data
    begins_with_meta = int.from_bytes(data[:2], "little") == _META
    return bytes(_PREAMBLE) + _MAGIC + data if begins_with_meta else data


def _lacks_preamble(start: bytes) -> bool:
    if start.startswith(_MAGIC):
        start = start[len(_MAGIC) :]
    return any(_count_elements(start, order) >= _MIN_ELEMENTS for order in ("little", "big"))


def _count_elements(start: bytes, order: _Order) -> int:
    """Count the leading elements with ascending tags, of a file meta group or of a data set."""
    at, count, last = 0, 0, (0, 0)
    while at + 8 <= min(len(start), HEADER_BYTES):
        element = _element(start, at, order)
        if element is None or element.tag <= last:
            break
        allowed = _FIRST_GROUPS if count == 0 else (_META,) if last[0] == _META else None
        if allowed and element.tag[0] not in allowed:
            break  # the data set after the meta group may have another byte order, or be deflated
        at, count, last = element.end, count + 1, element.tag
    return count


def _element(start: bytes, at: int, order: _Order) -> _Element | None:
    """Parse the element at an offset, explicit or implicit VR; None if there is no valid one."""
    group, number = (_number(start[at + i : at + i + 2], order) for i in (0, 2))
    vr = start[at + 4 : at + 6]
    if vr in _SHORT_VRS:
        length, head = _number(start[at + 6 : at + 8], order), 8
    elif vr in _LONG_VRS:
        length, head = _number(start[at + 8 : at + 12], order), 12
    elif group == _META:  # always explicit
        return None
    else:
        length, head = _number(start[at + 4 : at + 8], order), 8
    if length % 2 or length > HEADER_BYTES:
        return None
    return _Element((group, number), at + head + length)


def _number(data: bytes, order: _Order) -> int:
    return int.from_bytes(data, order)
