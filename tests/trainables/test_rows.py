"""Rows in batches: each once per epoch, divided among the ranks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from trainables import rows as module
from trainables.rows import IndexedRows, batches, count_batches


class Numbers(IndexedRows):
    """Rows that are their own number."""

    evaluation_batch = 4

    def __init__(self, count: int) -> None:
        self.labels = torch.arange(count)

    def inputs(self, rows: Tensor) -> Tensor:
        return rows


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rank and world of this process, to be set."""
    here = [0, 1]
    monkeypatch.setattr(module, "rank_and_world", lambda: tuple(here))
    return here


@given(st.integers(1, 90), st.integers(1, 40), st.integers(2, 8), st.integers(0, 2**32))
def test_every_row_is_in_exactly_one_batch(
    count: int, batch_size: int, smallest: int, seed: int
) -> None:
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    parts = list(batches(order, batch_size, smallest))
    assert torch.equal(torch.cat(parts), order)
    assert all(len(part) == batch_size for part in parts[:-1])
    if len(parts) > 1:
        assert min(smallest, batch_size) <= len(parts[-1]) < batch_size + smallest


@given(st.integers(1, 200), st.integers(2, 40))
def test_batches_are_counted_without_creating_them(count: int, batch_size: int) -> None:
    assert count_batches(count, batch_size) == len(list(batches(torch.arange(count), batch_size)))


def test_a_single_last_row_joins_the_batch_before() -> None:
    assert [len(part) for part in batches(torch.arange(21), 5)] == [5, 5, 5, 6]


def test_each_epoch_is_reshuffled() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (
        torch.cat([batch.inputs for batch in Numbers(20).shuffled(6, generator)]).tolist()
        for _ in range(2)
    )
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second != sorted(second)


@pytest.mark.parametrize("world", [2, 3])
def test_the_ranks_shares_of_a_batch_are_that_batch(ranks: list[int], world: int) -> None:
    def batches_of(rank: int, world: int) -> list[module.Batch]:
        ranks[:] = rank, world
        return list(Numbers(24).shuffled(7, torch.Generator().manual_seed(1)))

    alone = batches_of(0, 1)
    shares = [batches_of(rank, world) for rank in range(world)]
    for whole, *parts in zip(alone, *shares, strict=True):
        assert sorted(torch.cat([part.inputs for part in parts])) == sorted(whole.inputs)
        assert {part.global_size for part in parts} == {len(whole.labels)}


@pytest.mark.parametrize("world", [1, 2, 3])
def test_every_row_is_scored_by_one_rank_in_order(world: int) -> None:
    shares = [
        torch.cat([inputs for inputs, _ in Numbers(23).ordered(rank, world)])
        for rank in range(world)
    ]
    assert sorted(torch.cat(shares).tolist()) == list(range(23))
    assert all(torch.equal(share, share.sort().values) for share in shares)
