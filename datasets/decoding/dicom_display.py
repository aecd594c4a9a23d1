"""Render the stored values of a DICOM frame by the greyscale pipeline of PS3.3 and PS3.4.

Everything is computed once for each value that 8 or 16 bits can hold, not for each pixel.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from datasets.decoding.depth import content_range
from datasets.decoding.levels import Stored, counted, look_up
from datasets.errors import DataError

_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")  # decoded to RGB already
_GROUPS = {
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}  # the functional groups of multi-frame files
_MIN_SPREAD = 8  # grey levels; a window that leaves fewer shows nothing
_TAIL = 0.005  # share of the pixels, at either end

Values = NDArray[np.float64]
Levels = NDArray[np.uint8]


def show(dataset: Dataset, stored: Stored) -> NDArray[np.uint8]:
    """Convert a stored frame to display values.

    Args:
        dataset: its header.
        stored: the bits as stored, (H, W) or (H, W, 3), uint8 or uint16.

    Returns:
        (H, W, 3) uint8.

    Raises:
        DataError: an unknown photometric interpretation, or invalid numbers.
    """
    with np.errstate(all="ignore"):  # absurd header values are caught in `_rounded`
        return _render(dataset, stored)


def _render(dataset: Dataset, stored: Stored) -> NDArray[np.uint8]:
    kind = str(dataset.get("PhotometricInterpretation") or "").strip()
    values = _values(dataset, stored)
    if stored.ndim == 3 and kind in _COLOURS:
        return look_up(_rounded(values / _white(dataset, stored) * 255), stored)
    if stored.ndim == 2 and kind == "PALETTE COLOR":
        return look_up(_palette(dataset, values), stored)
    if stored.ndim == 2 and kind in ("MONOCHROME1", "MONOCHROME2"):
        grey = look_up(_grey_levels(dataset, stored, values, kind == "MONOCHROME1"), stored)
        return np.repeat(grey[..., None], 3, axis=2)
    samples = 1 if stored.ndim == 2 else 3
    raise DataError(f"PhotometricInterpretation={kind!r} of {samples} samples cannot be shown")


def _values(dataset: Dataset, stored: Stored) -> Values:
    """The number that each possible bit pattern of `stored` encodes, (2**bits,)."""
    used, high = _bits_stored(dataset, stored), dataset.get("HighBit")
    shift = 0 if _is_compressed(dataset) or high is None else int(high) + 1 - used
    if shift not in range(8 * stored.dtype.itemsize - used + 1):
        raise DataError(f"HighBit={high} with BitsStored={used} is invalid")
    values = (np.arange(2 ** (8 * stored.dtype.itemsize)) >> shift) & (2**used - 1)
    if int(dataset.get("PixelRepresentation") or 0):
        values[values >= 2 ** (used - 1)] -= 2**used
    return np.asarray(values, np.float64)


def _bits_stored(dataset: Dataset, stored: Stored) -> int:
    room = 8 * stored.dtype.itemsize
    return max(1, min(room, int(dataset.get("BitsStored") or room)))


def _white(dataset: Dataset, stored: Stored) -> int:
    return int(2 ** _bits_stored(dataset, stored) - 1)


def _is_compressed(dataset: Dataset) -> bool:
    return bool(dataset.file_meta.TransferSyntaxUID.is_encapsulated)


def _grey_levels(dataset: Dataset, stored: Stored, values: Values, inverted: bool) -> Levels:
    """The displayed brightness of each bit pattern, (2**bits,) uint8."""
    padding = _padding(dataset, values)
    counts = np.where(padding, 0, counted(stored))
    measured = _apply_modality(dataset, values)
    windowed, full_range = _apply_voi(dataset, measured), _full_range(measured, counts > 0)
    levels = _rounded(full_range if windowed is None else windowed)
    if windowed is not None and _spread(levels, counts) < _MIN_SPREAD <= _spread(
        full_range, counts
    ):
        levels = _rounded(full_range)  # the window misses the values or is far too wide
    if inverted:
        levels = 255 - levels
    levels[padding] = 0
    return levels


def _padding(dataset: Dataset, values: Values) -> NDArray[np.bool_]:
    """Which values mark pixels outside the image. Files mix signed and unsigned padding values."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(values), np.bool_)
    last = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted(
        (_signed_as(values, first), _signed_as(values, first if last is None else last))
    )
    return np.asarray((values >= low) & (values <= high))


def _signed_as(values: Values, number: Any) -> int:
    """A 16-bit number that may have been read with the wrong sign, with the sign of `values`."""
    unsigned = int(number) & 0xFFFF
    return unsigned - 2**16 if values.min() < 0 and unsigned >= 2**15 else unsigned


def _apply_modality(dataset: Dataset, values: Values) -> Values:
    """PS3.3 C.11.1: from stored values to a physical measure, such as Hounsfield units."""
    table = dataset.get("ModalityLUTSequence")
    if table:
        return _tabulated(dataset, table[0].LUTDescriptor, table[0].LUTData, values)
    slope, intercept = _number(dataset, "RescaleSlope", 1), _number(dataset, "RescaleIntercept", 0)
    if not math.isfinite(slope * intercept) or slope == 0:
        raise DataError(
            f"RescaleSlope={slope}, RescaleIntercept={intercept}: not a valid rescaling"
        )
    return np.asarray(values * slope + intercept)


def _apply_voi(dataset: Dataset, values: Values) -> Values | None:
    """PS3.3 C.11.2: the values of interest over 0..255; None where the file has no VOI."""
    table = dataset.get("VOILUTSequence")
    if table:
        white = 2 ** int(table[0].LUTDescriptor[2]) - 1
        shown = _tabulated(dataset, table[0].LUTDescriptor, table[0].LUTData, values)
        return np.asarray(shown / white * 255)
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    kind = str(_element(dataset, "VOILUTFunction") or "LINEAR").strip().upper()
    if (
        math.isfinite(centre)
        and math.isfinite(width)
        and width >= (1 if kind == "LINEAR" else 1e-9)
    ):
        return _window(values, centre, width, kind)
    return None


def _full_range(values: Values, used: NDArray[np.bool_]) -> Values:
    """Scale the values that occur to 0..255, ignoring isolated ones (`depth.content_range`)."""
    low, high = content_range(np.unique(values[used])) if used.any() else (0.0, 0.0)
    return (values - low) / (high - low) * 255 if high > low else np.zeros_like(values)


def _spread(levels: NDArray[Any], counts: NDArray[np.int64]) -> float:
    """The range of grey levels that covers all but 1 % of the pixels."""
    used = np.flatnonzero(counts)
    if len(used) == 0:
        return 0.0
    order = used[np.argsort(levels[used], kind="stable")]
    share = np.cumsum(counts[order]) / counts.sum()
    low, high = (order[np.searchsorted(share, at)] for at in (_TAIL, 1 - _TAIL))
    return float(np.clip(levels[high], 0, 255)) - float(np.clip(levels[low], 0, 255))


def _window(values: Values, centre: float, width: float, kind: str) -> Values:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3: LINEAR, LINEAR_EXACT or SIGMOID."""
    if kind == "SIGMOID":
        return np.asarray(255 / (1 + np.exp(-4 * (values - centre) / width)))
    if kind == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return np.where(values > centre, 255.0, 0.0)
    return ((values - centre) / width + 0.5) * 255


def _palette(dataset: Dataset, values: Values) -> Levels:
    """PS3.3 C.7.6.3.1.5: the colour of each stored pattern, (2**bits, 3) uint8."""
    if "RedPaletteColorLookupTableData" not in dataset:
        raise DataError("a segmented palette, or none: export it as RGB")
    columns = []
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        entries = _tabulated(dataset, descriptor, data, values)
        columns.append(entries // 256 if int(descriptor[2]) == 16 else entries)
    return _rounded(np.stack(columns, axis=1))


def _tabulated(dataset: Dataset, descriptor: Any, data: Any, values: Values) -> Values:
    """Map `values` through a lookup table of PS3.3.

    Args:
        descriptor: (number of entries, first value mapped, bits per entry).
    """
    count, first = int(descriptor[0]) or 2**16, _signed_as(values, descriptor[1])
    if isinstance(data, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        words = len(data) >= 2 * count
        entries = np.frombuffer(data, f"{order}u2" if words else "u1")
    else:
        entries = np.asarray(data)
    if len(entries) < count:
        raise DataError(f"a lookup table of {len(entries)} entries; its header declares {count}")
    index = np.clip(np.rint(values) - first, 0, count - 1).astype(np.intp)
    return np.asarray(entries[index], np.float64)


def _element(dataset: Dataset, keyword: str) -> Any:
    """An element of the header, or of the functional groups of a multi-frame file."""
    if keyword in dataset:
        return dataset[keyword].value
    for group in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        frames = dataset.get(group)
        inner = frames[0].get(_GROUPS[keyword]) if frames else None
        if inner and keyword in inner[0]:
            return inner[0][keyword].value
    return None


def _number(dataset: Dataset, keyword: str, default: float = math.nan) -> float:
    """The first number of an element; `default` where it is absent or empty."""
    value = _element(dataset, keyword)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if len(value) else None
    return default if value is None or value == "" else float(value)


def _rounded(levels: Values) -> Levels:
    if np.isnan(levels).any():
        raise DataError("its window or rescaling yields no valid values")
    return np.rint(np.clip(levels, 0, 255)).astype(np.uint8)
