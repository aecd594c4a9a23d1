"""A stored backbone equals the original."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pyarrow.fs import LocalFileSystem

from trainables.backbones import Backbone
from trainables.registry import BACKBONES
from trainables.stored_backbone import StoredBackbone, save_backbone

LOCAL = LocalFileSystem()


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_can_be_stored(
    name: str, calibrated: Callable[[str], Backbone], tmp_path: Path
) -> None:
    backbone = calibrated(name)
    save_backbone(backbone, str(tmp_path), LOCAL)
    loaded = StoredBackbone(BACKBONES[name], (), str(tmp_path), LOCAL).load()
    torch.testing.assert_close(loaded.state(), backbone.state(), rtol=0, atol=0)
    loose = [*loaded.prefix.buffers(), *loaded.suffix.buffers(), loaded.normalise.mean]
    assert not any(tensor.is_meta for tensor in loose)
