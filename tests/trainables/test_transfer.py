"""Pooled features as the input of a head."""

from pathlib import Path

import numpy as np
import torch

from tests.trainables.tables import opened, write_table
from trainables.transfer import PooledRows, transfer_module


def test_row_numbers_address_the_trials_rows_not_the_tables(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    write_table(tmp_path / "t", values, parts=2)
    table = opened(tmp_path / "t")
    wanted = write_table(tmp_path / "same", values).iloc[[7, 2, 9, 0]]
    labels = np.array([1, 0, 1, 0])
    rows = PooledRows(table, table.find(wanted), labels, torch.device("cpu"))
    batch = torch.tensor([3, 1, 1])
    np.testing.assert_array_equal(rows.inputs(batch).numpy(), values[[0, 2, 2]])
    assert rows.inputs(batch).dtype == torch.float32
    assert rows.labels.tolist() == [1, 0, 1, 0]


def test_the_seed_determines_the_head_and_its_dropout() -> None:
    features = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    first, again, other = (
        transfer_module(6, [4], 3, seed).train()(features).detach() for seed in (1, 1, 2)
    )
    assert first.shape == (8, 3)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
