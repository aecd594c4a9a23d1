"""Nothing read from disk is unpickled: a payload is refused, not executed."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pyarrow.fs import LocalFileSystem
from safetensors import SafetensorError

from trainables.activations import ActivationTable
from trainables.pretrained import load_backbone
from trainables.registry import BACKBONES, Weights, WeightsError
from trainables.stored_backbone import StoredBackbone

LOCAL = LocalFileSystem()
SOURCES = [
    path
    for package in ("datasets", "trainables", "sweeper", "reports")
    for path in (Path(__file__).parents[2] / package).rglob("*.py")
]


class Payload:
    """Creates a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.mark,)


def test_the_payload_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Payload(tmp_path / "run")))
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("save", [torch.save, lambda data, path: path.write_bytes(data_of(data))])
def test_a_pickle_as_weights_is_refused_and_not_run(
    tmp_path: Path, save: Callable[[object, Path], None]
) -> None:
    path = tmp_path / "weights.safetensors"
    save({"weight": Payload(tmp_path / "run")}, path)
    with pytest.raises(WeightsError, match="not a readable safetensors file") as caught:
        load_backbone(BACKBONES["mobilenet"], Weights(str(path)))
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()


def data_of(data: object) -> bytes:
    return pickle.dumps(data)


def test_a_pickle_as_a_stored_backbone_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Payload(tmp_path / "run")}, tmp_path / "weights.safetensors")
    with pytest.raises(SafetensorError):
        StoredBackbone(BACKBONES["mobilenet"], (), str(tmp_path), LOCAL).load()
    assert not (tmp_path / "run").exists()


def test_a_pickle_in_an_activation_table_is_refused_and_not_run(tmp_path: Path) -> None:
    rows = {"image_id": ["a"], "copy": [0], "part": ["part-a.npy"], "offset": [0]}
    pd.DataFrame(rows).to_parquet(tmp_path / "index.parquet", index=False)
    objects = np.array([Payload(tmp_path / "run")], dtype=object)
    np.save(tmp_path / "part-a.npy", objects, allow_pickle=True)
    with pytest.raises(ValueError, match="object"):
        ActivationTable(str(tmp_path), LOCAL)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_source_reads_a_pickle(path: Path) -> None:
    text = path.read_text()
    for name in ("torch.load(", "pickle.load", "read_pickle", "allow_pickle=True", "joblib"):
        assert name not in text
    assert text.count("np.load(") == text.count("allow_pickle=False")
