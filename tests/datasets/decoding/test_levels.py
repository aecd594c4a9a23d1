"""Lookups in strips equal direct lookups."""

import numpy as np
import pytest

from datasets.decoding import levels
from datasets.decoding.levels import look_up, occurring


@pytest.fixture(autouse=True)
def _small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "_PIXELS_PER_STRIP", 50)


@pytest.mark.parametrize("shape", [(37, 8), (37, 8, 3), (3, 200)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_pixel_gets_its_level(
    shape: tuple[int, ...], dtype: type[np.unsignedinteger]
) -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    table = random.integers(0, 256, np.iinfo(dtype).max + 1, dtype=np.uint8)
    np.testing.assert_array_equal(look_up(table, values), table[values])
    np.testing.assert_array_equal(np.flatnonzero(occurring(values)), np.unique(values))


def test_a_table_of_colours_gives_colours() -> None:
    table = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    values = np.arange(256, dtype=np.uint8).reshape(64, 4)
    np.testing.assert_array_equal(look_up(table, values), table.reshape(64, 4, 3))
