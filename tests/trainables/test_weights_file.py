"""Weights files are readable like the files beside them."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trainables.weights_file import write_weights


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_file_of_weights_has_the_permissions_of_a_new_file(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "model.safetensors"
    write_weights({"a": torch.zeros(2)}, path)
    before = os.umask(mask)
    try:
        write_weights({"a": torch.arange(3.0)}, path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    assert load_file(path)["a"].tolist() == [0, 1, 2]
