"""What `plan` says of prefix tables that are larger than memory."""

from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from sweeper.estimate import prefix_tables
from tests.sweeper.estimate.test_cost import estimate_of
from tests.sweeper.folders import write_config, write_images


class Memory(NamedTuple):
    total: int


def test_only_a_table_larger_than_memory_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    config = write_config(tmp_path, write_images(tmp_path / "images", {"a": 20, "b": 20}))
    estimate = estimate_of(config)
    (name,) = estimate.plan.backbones
    needed, seconds = estimate.prefix_of_epoch(name)
    cell = next(cell for cell in estimate.plan.cells if cell.strategy == "finetune")
    split = estimate.plan.split_of(cell)
    least = (split.count("train") + split.count("val")) * estimate.sizes[name].prefix_values * 2
    assert needed >= least > 0
    assert 0 < seconds.low < seconds.high
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(int(needed)))
    assert not list(prefix_tables.warnings(estimate))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(int(needed) - 1))
    (line,) = prefix_tables.warnings(estimate)
    assert line.startswith(f"{name}: fine-tuning reads a prefix table of ")
    assert "cache.prefix=compute" in line
    assert not list(prefix_tables.warnings(estimate_of(config, "cache.prefix=compute")))
