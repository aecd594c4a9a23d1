"""Display values compared with the formulas of the standard."""

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from tests.datasets.decoding.dicom_files import dataset_of, dicom_file, ramp, written
from tests.datasets.decoding.picture_files import colours, palette_elements

RAMP = ramp()
VALUES = RAMP.astype(float)


def _levels(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255))


def _assert_shown(data: bytes, levels: np.ndarray) -> None:
    decoded = decode_image(data)
    assert (decoded == decoded[..., :1]).all()  # grey
    np.testing.assert_array_equal(decoded[..., 0], _levels(levels))


def test_without_a_window_the_smallest_value_is_black_and_the_largest_white() -> None:
    _assert_shown(dicom_file(RAMP + np.uint16(500)), VALUES / 4095 * 255)
    assert decode_image(dicom_file(np.full((20, 20), 7, np.uint16))).max() == 0


def test_a_linear_window_follows_the_standard() -> None:
    """PS3.3 C.11.2.1.2: c - 0.5 is the middle, w - 1 the width."""
    data = dicom_file(RAMP, WindowCenter=2000, WindowWidth=1000)
    _assert_shown(data, ((VALUES - 1999.5) / 999 + 0.5) * 255)


@pytest.mark.parametrize("kind", ["LINEAR_EXACT", "SIGMOID"])
def test_the_other_windows_of_the_standard(kind: str) -> None:
    data = dicom_file(RAMP, WindowCenter=2000, WindowWidth=1000, VOILUTFunction=kind)
    exact = ((VALUES - 2000) / 1000 + 0.5) * 255
    curve = 255 / (1 + np.exp(-4 * (VALUES - 2000) / 1000))
    _assert_shown(data, exact if kind == "LINEAR_EXACT" else curve)


def test_the_first_window_applies_to_rescaled_values() -> None:
    hounsfield = VALUES * 2 - 1024
    data = dicom_file(
        RAMP,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=[40, 600],
        WindowWidth=[400, 1500],
    )
    _assert_shown(data, ((hounsfield - 39.5) / 399 + 0.5) * 255)


@pytest.mark.parametrize("window", [{"WindowWidth": 0}, {"WindowWidth": -4}, {"WindowWidth": ""}])
def test_an_invalid_window_is_ignored(window: dict[str, Any]) -> None:
    _assert_shown(dicom_file(RAMP, WindowCenter=50, **window), VALUES / 4095 * 255)


def test_a_window_of_width_one_is_a_step() -> None:
    decoded = decode_image(dicom_file(RAMP, WindowCenter=1000, WindowWidth=1))
    np.testing.assert_array_equal(decoded[..., 0], np.where(VALUES > 999.5, 255, 0))


def test_monochrome1_is_inverted_after_its_window() -> None:
    kind = {"PhotometricInterpretation": "MONOCHROME1"}
    _assert_shown(dicom_file(RAMP, **kind), 255 - _levels(VALUES / 4095 * 255))
    window = ((VALUES - 1999.5) / 999 + 0.5) * 255
    data = dicom_file(RAMP, WindowCenter=2000, WindowWidth=1000, **kind)
    _assert_shown(data, 255 - _levels(window))


@pytest.mark.parametrize("slope", [-1, 0.5])
def test_any_slope_is_applied(slope: float) -> None:
    shown = VALUES / 4095 * 255
    data = dicom_file(RAMP, RescaleSlope=slope, RescaleIntercept=9)
    _assert_shown(data, shown if slope > 0 else 255 - shown)


@pytest.mark.parametrize("bits", [16, 12])
def test_signed_values_may_be_negative(bits: int) -> None:
    values = RAMP.astype(np.int32) - 2000
    stored = (values & (2**bits - 1)).astype(np.uint16)  # without the bits of the sign
    data = dicom_file(
        stored, PixelRepresentation=1, BitsStored=bits, WindowCenter=-500, WindowWidth=800
    )
    if bits == 12:
        values = (stored.astype(np.int32) ^ 2048) - 2048
    _assert_shown(data, ((values + 500.5) / 799 + 0.5) * 255)


@pytest.mark.parametrize("representation", [0, 1])
def test_padding_is_black_and_does_not_affect_the_window(representation: int) -> None:
    values = (RAMP.astype(np.int32) // 4 + 100).astype(np.int16)
    values[:3] = -2000
    padding = -2000 if representation else 63536
    stored = values if representation else values.view(np.uint16)
    data = dicom_file(stored, PixelPaddingValue=padding, PhotometricInterpretation="MONOCHROME1")
    inside = values[3:].astype(float)
    shown = 255 - _levels((inside - inside.min()) / np.ptp(inside) * 255)
    _assert_shown(data, np.vstack([np.zeros((3, 24)), shown]))


def test_a_range_of_padding_is_padding() -> None:
    stored = RAMP.copy()
    stored[0] = np.arange(24)
    data = dicom_file(stored, PixelPaddingValue=0, PixelPaddingRangeLimit=30)
    inside = stored[stored > 30]
    shown = (stored - float(inside.min())) / np.ptp(inside) * 255
    _assert_shown(data, np.where(stored <= 30, 0, shown))


def _table(entries: np.ndarray, first: int, bits: int) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries.astype(np.uint16).tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    return Sequence([item])


def test_a_voi_table_is_applied_and_its_ends_extend_beyond_it() -> None:
    entries = np.linspace(0, 1023, 500).round()
    data = dicom_file(RAMP, VOILUTSequence=_table(entries, 1000, 10), WindowCenter=1, WindowWidth=9)
    index = np.clip(VALUES - 1000, 0, 499).astype(int)
    _assert_shown(data, entries[index] / 1023 * 255)


def test_a_modality_table_comes_before_the_window() -> None:
    entries = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
    data = dicom_file(
        RAMP, ModalityLUTSequence=_table(entries, 0, 16), WindowCenter=2000, WindowWidth=1000
    )
    _assert_shown(data, ((entries[RAMP] - 1999.5) / 999 + 0.5) * 255)


@pytest.mark.parametrize("where", ["Shared", "PerFrame"])
def test_multi_frame_files_have_their_window_in_groups(where: str) -> None:
    window, rescale, group = Dataset(), Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 40, 400
    rescale.RescaleSlope, rescale.RescaleIntercept = 2, -1024
    group.FrameVOILUTSequence = Sequence([window])
    group.PixelValueTransformationSequence = Sequence([rescale])
    dataset = dataset_of(np.stack([RAMP, RAMP * 0]), NumberOfFrames=2)
    setattr(dataset, f"{where}FunctionalGroupsSequence", Sequence([group]))
    _assert_shown(written(dataset), ((VALUES * 2 - 1024 - 39.5) / 399 + 0.5) * 255)


def test_colours_are_unchanged() -> None:
    np.testing.assert_array_equal(decode_image(dicom_file(colours())), colours())
    planes = dataset_of(colours(), PlanarConfiguration=1)
    planes.PixelData = colours().transpose(2, 0, 1).tobytes()
    np.testing.assert_array_equal(decode_image(written(planes)), colours())
    deep = colours().astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_image(dicom_file(deep)), colours())


def test_ybr_becomes_rgb() -> None:
    red = np.zeros((16, 16, 3), np.uint8) + np.array([76, 85, 255], np.uint8)
    decoded = decode_image(dicom_file(red, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(decoded.astype(int) - [254, 0, 0]).max() <= 1
    halved = dataset_of(red, PhotometricInterpretation="YBR_FULL_422")
    halved.PixelData = bytes([76, 76, 85, 255]) * 128
    np.testing.assert_array_equal(decode_image(written(halved)), decoded)


@pytest.mark.parametrize("width", [1, 2], ids=["bytes", "words"])
def test_palettes_are_applied(width: int) -> None:
    indices = (np.arange(20 * 24).reshape(20, 24) % 16).astype(np.uint8)
    elements = palette_elements()
    if width == 2:
        for colour in ("Red", "Green", "Blue"):
            table = np.frombuffer(elements[f"{colour}PaletteColorLookupTableData"], np.uint8)
            words = table.astype("<u2") * 256
            elements[f"{colour}PaletteColorLookupTableData"] = words.tobytes()
            elements[f"{colour}PaletteColorLookupTableDescriptor"] = [16, 0, 16]
    decoded = decode_image(dicom_file(indices, **elements))
    np.testing.assert_array_equal(decoded[..., 0], indices * 17)
    np.testing.assert_array_equal(decoded[..., 1], 255 - indices * 17)
    assert (decoded[..., 2] == 7).all()


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope=0"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "a segmented palette, or none"),
        ({"PhotometricInterpretation": "RGB"}, "'RGB' of 1 samples cannot be shown"),
    ],
)
def test_invalid_headers_are_refused(elements: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_image(dicom_file(RAMP, **elements))


def test_a_table_shorter_than_declared_is_refused() -> None:
    table = _table(np.arange(5), 0, 8)
    table[0].LUTDescriptor = [500, 0, 8]
    with pytest.raises(DataError, match="its header declares 500"):
        decode_image(dicom_file(RAMP, VOILUTSequence=table))


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": -20_000, "WindowWidth": 400},
        {"WindowCenter": 30_000, "WindowWidth": 400},
        {"WindowCenter": 1e9, "WindowWidth": 1},
        {"WindowCenter": 2000, "WindowWidth": 1_000_000},  # it covers them, in one grey level
        {"WindowCenter": 30_000, "WindowWidth": 300, "VOILUTFunction": "SIGMOID"},
    ],
)
def test_a_window_far_from_the_values_falls_back_to_the_full_range(window: dict[str, Any]) -> None:
    _assert_shown(dicom_file(RAMP, **window), VALUES / 4095 * 255)
    stray = RAMP.copy()
    stray[0, :2] = 65_535, 60_000  # two pixels in the window do not make an image
    data = dicom_file(stray, WindowCenter=62_000, WindowWidth=8000)
    assert len(np.unique(decode_image(data)[1:])) > 10


def test_a_window_of_a_few_values_is_still_used() -> None:
    data = dicom_file(RAMP, WindowCenter=60, WindowWidth=100)  # 2 % of the pixels, the rest white
    _assert_shown(data, ((VALUES - 59.5) / 99 + 0.5) * 255)


def test_undeclared_padding_takes_no_levels() -> None:
    signed = RAMP.astype(np.int16) // 8
    signed[:4] = -30_000
    levels = decode_image(dicom_file(signed))[..., 0]
    assert levels[:4].max() == 0
    assert len(np.unique(levels)) > 200
