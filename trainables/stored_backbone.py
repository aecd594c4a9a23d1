"""Save a backbone to the store and load it on any machine."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.fs as pafs
from safetensors.torch import load_file

from datasets.file_sums import FileSum
from trainables.backbones import Backbone, build_backbone
from trainables.machine_cache import local_copy, upload
from trainables.registry import BackboneSpec
from trainables.weights_file import write_weights

_FILE = "weights.safetensors"


@dataclass(frozen=True)
class StoredBackbone:
    """A backbone's file in the store, with everything needed to rebuild it on any machine.

    The file serves every cut of the network: `spec` says which one is loaded.
    """

    spec: BackboneSpec
    model_args: tuple[tuple[str, str], ...]
    path: str
    filesystem: pafs.FileSystem

    @property
    def name(self) -> str:
        return self.spec.name

    def load(self) -> Backbone:
        args = dict(self.model_args)
        backbone = build_backbone(self.spec, args, device="meta")
        if backbone.has_unstored:
            backbone = build_backbone(self.spec, args)
        folder = local_copy(self.path, self.filesystem)
        backbone.load_state(load_file(folder / _FILE))
        return backbone


def save_backbone(
    backbone: Backbone, folder: str, filesystem: pafs.FileSystem
) -> dict[str, FileSum]:
    """Write `weights.safetensors` into a folder of the store; returns the sums of its files."""
    with upload(folder, filesystem) as local:
        state = {k: v.contiguous() for k, v in backbone.state().items()}
        write_weights(state, local / _FILE)
        return {_FILE: FileSum.of_file(local / _FILE)}
