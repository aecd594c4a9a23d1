"""Rows on a trial's device: a share of its whole memory, copied in chunks, none if it is full."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.trainables.tables import opened, write_table
from trainables import resident
from trainables.activations import ActivationTable
from trainables.finetune import ActivationRows
from trainables.resident import RowMemory, resident_rows
from trainables.transfer import PooledRows

CPU, META, CUDA = torch.device("cpu"), torch.device("meta"), torch.device("cuda", 0)
VALUES = np.random.default_rng(0).normal(size=(9, 2, 3)).astype(np.float16)
ROW_BYTES = VALUES[0].nbytes
LABELS = np.zeros(len(VALUES), np.int64)
ALL = np.arange(len(VALUES))


@pytest.fixture
def table(tmp_path: Path) -> ActivationTable:
    write_table(tmp_path / "t", VALUES, parts=2)
    return opened(tmp_path / "t")


@pytest.fixture
def gathered(table: ActivationTable, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of rows that are read from the table from now on, a read each."""
    sizes: list[int] = []
    gather: Callable[[np.ndarray], np.ndarray] = table.gather

    def count(numbers: np.ndarray) -> np.ndarray:
        sizes.append(len(numbers))
        return gather(numbers)

    monkeypatch.setattr(table, "gather", count)
    return sizes


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU of 80 GB of which other trials have left little."""
    properties = SimpleNamespace(total_memory=80_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (3, 80_000))


@pytest.mark.usefixtures("crowded")
def test_the_memory_for_rows_is_a_share_of_the_whole_whatever_is_free() -> None:
    assert RowMemory.of(CUDA, 1.0).left_bytes == 48_000
    assert RowMemory.of(CUDA, 0.25).left_bytes == 12_000
    assert RowMemory.of(CPU, 1.0).left_bytes == RowMemory.of(CPU, 0.0).left_bytes == 0


def test_the_parts_of_a_trial_share_its_memory(table: ActivationTable) -> None:
    memory = RowMemory(7 * ROW_BYTES + 1)
    assert len(resident_rows(table, ALL[:4], META, memory)) == 4
    assert len(resident_rows(table, ALL, META, memory)) == 3
    assert len(resident_rows(table, ALL, META, memory)) == 0
    assert memory.left_bytes == 1


@pytest.mark.parametrize("rows_in_chunk", [1, 4, 100])
def test_rows_are_copied_to_the_device_in_chunks(
    table: ActivationTable,
    gathered: list[int],
    monkeypatch: pytest.MonkeyPatch,
    rows_in_chunk: int,
) -> None:
    monkeypatch.setattr(resident, "_CHUNK_BYTES", rows_in_chunk * ROW_BYTES)
    order = ALL[::-1].copy()
    rows = resident_rows(table, order, CPU, RowMemory(1 << 20))
    assert max(gathered) <= rows_in_chunk
    assert sum(gathered) == len(VALUES)
    assert (rows.dtype, rows.device) == (torch.float16, CPU)
    np.testing.assert_array_equal(rows.numpy(), table.gather(order))
    assert resident_rows(table, ALL, META, RowMemory(1 << 20)).device == META


def test_none_of_the_rows_is_kept_on_a_device_that_is_full(
    table: ActivationTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident, "_CHUNK_BYTES", ROW_BYTES)
    empty, calls = torch.empty, list[int]()

    def full_at_first(*sizes: object, **options: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return empty(*sizes, **options)

    memory = RowMemory(1 << 20)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "empty", full_at_first)
        rows = ActivationRows(table, ALL, LABELS, CPU, memory)
    assert memory.taken_bytes == 0
    np.testing.assert_array_equal(
        rows.inputs(torch.tensor([8, 0])).numpy(), table.gather(ALL[[8, 0]])
    )


def test_pooled_features_stay_in_the_machines_memory_where_the_device_has_no_room(
    table: ActivationTable, gathered: list[int]
) -> None:
    order = torch.tensor([8, 0, 3])
    found = []
    for room in (len(VALUES), len(VALUES) - 1):
        rows = PooledRows(table, ALL, LABELS, CPU, RowMemory(room * ROW_BYTES))
        found.append(rows.inputs(order))
    assert gathered == [9, 8, 9]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    on_device = PooledRows(table, ALL, LABELS, META, RowMemory(1 << 20))
    assert on_device.features.device == on_device.inputs(order.to(META)).device == META
    beside = PooledRows(table, ALL, LABELS, META, RowMemory(0))
    assert beside.features.device == CPU
