"""The configurations that benchmarks run exist and are valid; running them takes minutes."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks import cell

OPTIONS = Namespace(data=None, copies=2, image_size=64)


@pytest.mark.parametrize("strategy", ["transfer", "finetune"])
def test_one_cell_of_one_split_is_run(tmp_path: Path, strategy: str) -> None:
    config = cell._config(OPTIONS, "mobilenet", strategy, "none", 3, tmp_path)
    assert config.split.policies == ["grouped"]
    assert not config.split.folds
    assert config.grid.backbones == ["mobilenet"]
    assert config.data.source == "synthetic"
    assert config.grid.scenarios == ["3"]
