"""Tables written with Ray, compared with the same steps done directly."""

import itertools
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem
from torch import Tensor

from datasets import shards
from datasets.drawn.synthetic import write_synthetic
from datasets.file_sums import FileSum
from datasets.manifest import build_manifest
from datasets.preprocess import Preprocessing
from datasets.shards import read_shards
from datasets.sources import list_folder
from tests.trainables.conftest import noise
from trainables import extraction
from trainables.activations import ActivationTable
from trainables.backbones import Backbone, build_backbone
from trainables.extraction import Extraction, ExtractionError, _Extractor, extract
from trainables.machine_cache import local_copy
from trainables.pretrained import load_backbone
from trainables.registry import BACKBONES, Weights
from trainables.stored_backbone import StoredBackbone, save_backbone

SIDE, COPIES = 64, 3
ROWS = 20 * (COPIES + 1)  # more than one batch of extraction
ARGS = (("mean", "0.4"), ("pad_type", "same"))
LOCAL = LocalFileSystem()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The local folder under the store, with image shards in it."""
    images, store = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("store")
    write_synthetic(images, 2, seed=0)
    manifest = build_manifest(str(images), list_folder(str(images)))
    (store / "shards").mkdir()
    shards._write_shard(
        pa.Table.from_pandas(manifest[["image_id", "path"]]),
        root=str(images),
        out=str(store / "shards"),
        filesystem=LOCAL,
        preprocessing=Preprocessing(SIDE),
        copies=COPIES,
    )
    return store


@pytest.fixture(scope="module")
def away(store: Path) -> FileSystem:
    """The store, as if it were on another machine."""
    return SubTreeFileSystem(str(store), LOCAL)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    weights = Weights("none", ARGS)
    return load_backbone(BACKBONES["mobilenet"], weights, noise(16, side=SIDE))


@pytest.fixture(scope="module")
def stored(away: FileSystem, backbone: Backbone) -> Iterator[StoredBackbone]:
    folder = f"backbone-{uuid4().hex}"  # the processes of this machine share a copy under this name
    away.create_dir(folder)
    save_backbone(backbone, folder, away)
    yield StoredBackbone(BACKBONES["mobilenet"], ARGS, folder, away)
    shutil.rmtree(local_copy(folder, away))


@pytest.fixture(scope="module")
def progress(store: Path, away: FileSystem, stored: StoredBackbone, ray_session: None) -> list[int]:
    """Both tables, written with Ray into the store; returns the reported progress."""
    seen: list[int] = []
    for name in ("pooled", "prefix"):
        away.create_dir(name)
    sums = extract(
        "shards",
        away,
        stored,
        Extraction("pooled", "prefix", "max", "float16"),
        rows=ROWS,
        workers=1,
        on_progress=seen.append,
    )
    assert sums == {name: sums_of(store / name) for name in ("pooled", "prefix")}
    return seen


def sums_of(folder: Path) -> dict[str, FileSum]:
    return {path.name: FileSum.of_file(path) for path in folder.iterdir()}


@torch.inference_mode()
def _direct(store: Path, backbone: Backbone) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The rows, their activations after the prefix and their pooled features."""
    rows, images = read_shards(str(store / "shards"), LOCAL)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    prefix = backbone.prefix(backbone.normalise(pixels))
    return rows, prefix.numpy(), backbone.suffix(prefix).amax((2, 3)).numpy()


@pytest.fixture
def table(
    progress: list[int], away: FileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ActivationTable]:
    """Opens a table of the store by its kind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda kind: ActivationTable(kind, away)


def test_the_pooled_table_contains_the_features_of_each_row(
    store: Path, backbone: Backbone, table: Callable[[str], ActivationTable]
) -> None:
    rows, _, pooled = _direct(store, backbone)
    shuffled, opened = rows.sample(frac=1, random_state=0), table("pooled")
    assert (len(opened), opened.dtype, opened.shape) == (ROWS, np.float32, (1024,))
    found = opened.gather(opened.find(shuffled))
    np.testing.assert_allclose(found, pooled[shuffled.index], rtol=1e-4, atol=1e-4)
    assert np.abs(np.diff(pooled, axis=0)).max(1).min() > 0.01  # rows are distinguishable


def test_the_prefix_table_contains_the_activations_of_each_row_rounded_to_float16(
    store: Path, backbone: Backbone, table: Callable[[str], ActivationTable]
) -> None:
    rows, prefix, _ = _direct(store, backbone)
    shuffled, opened = rows.sample(frac=1, random_state=0), table("prefix")
    assert (len(opened), opened.dtype, opened.shape) == (ROWS, np.float16, prefix.shape[1:])
    found = opened.gather(opened.find(shuffled)).astype(np.float32)
    # half of float16's last bit, and the 1e-4 of another batch size
    np.testing.assert_allclose(found, prefix[shuffled.index], rtol=2**-11 + 1e-4, atol=1e-4)


def test_the_rows_are_spread_over_several_parts_and_counted(
    store: Path, progress: list[int]
) -> None:
    assert len(list((store / "pooled").glob("part-*.npy"))) > 1
    assert progress == sorted(progress)
    assert progress[-1] == ROWS


def test_an_unexpected_number_of_rows_leaves_no_index(
    store: Path, stored: StoredBackbone, backbone: Backbone, ray_session: None
) -> None:
    (store / "short").mkdir()
    with pytest.raises(RuntimeError, match=f"returned {ROWS} rows, {ROWS} of them distinct, not"):
        extract(
            str(store / "shards"),
            LOCAL,
            stored,
            Extraction(None, str(store / "short"), "max", "float32"),
            rows=ROWS + 1,
            workers=1,
        )
    parts = [np.load(path) for path in (store / "short").iterdir()]
    assert sum(map(len, parts)) == ROWS
    assert {(part.dtype, part.shape[1:]) for part in parts} == {
        (np.dtype(np.float32), _direct(store, backbone)[1].shape[1:])
    }


def test_a_duplicate_row_does_not_make_up_for_a_missing_one(tmp_path: Path) -> None:
    index = pd.DataFrame({"image_id": ["a", "b", "a"], "copy": 0, "part": "p", "offset": range(3)})
    with pytest.raises(RuntimeError, match="returned 3 rows, 2 of them distinct, not 3"):
        extraction._write_index(index, 3, Extraction(str(tmp_path), None, "max", "float16"), LOCAL)


@dataclass(frozen=True)
class Loud(StoredBackbone):
    """Returns values beyond float16 from its third full batch on."""

    def load(self) -> Backbone:
        backbone, batches = super().load(), itertools.count()

        def amplify(_: object, inputs: tuple[Tensor], output: Tensor) -> Tensor:
            is_full = len(inputs[0]) == extraction._FORWARD  # not the sample it is optimised with
            return output * 1e9 if is_full and next(batches) >= 2 else output

        backbone.prefix.register_forward_hook(amplify)
        return backbone


def test_activations_beyond_float16_end_the_pass_with_the_way_out(
    store: Path, away: FileSystem, stored: StoredBackbone, ray_session: None
) -> None:
    """Also if earlier batches have been written."""
    (store / "loud").mkdir()
    loud = Loud(**vars(stored))
    exact = _Extractor(loud, Extraction(None, "prefix", "max", "float32"), away)
    assert [exact._forward(noise(2, side=SIDE))[1].max() > 1e6 for _ in range(3)] == [0, 0, 1]
    with pytest.raises(ExtractionError, match=r"^mobilenet: .* set cache\.dtype: float32$"):
        extract(
            "shards",
            away,
            loud,
            Extraction(None, "loud", "max", "float16"),
            rows=ROWS,
            workers=1,
        )
    assert len(list((store / "loud").glob("part-*.npy"))) == 1
    assert not (store / "loud" / "index.parquet").exists()


def test_a_stored_backbone_is_loaded_unchanged(stored: StoredBackbone, backbone: Backbone) -> None:
    def features(network: Backbone) -> Tensor:
        with torch.no_grad():
            return network.suffix(network.prefix(network.normalise(noise(2, side=SIDE))))

    torch.testing.assert_close(stored.load().state(), backbone.state(), rtol=0, atol=0)
    torch.testing.assert_close(features(stored.load()), features(backbone), rtol=0, atol=0)


def test_an_images_values_do_not_depend_on_its_batch(tmp_path: Path) -> None:
    """EfficientNet rounds differently in batches of another size."""
    name, side = "efficientnetb3", 80
    save_backbone(build_backbone(BACKBONES[name]), str(tmp_path), LOCAL)
    extraction = Extraction(str(tmp_path), str(tmp_path), "max", "float32")
    extractor = _Extractor(
        StoredBackbone(BACKBONES[name], (), str(tmp_path), LOCAL), extraction, LOCAL
    )
    images = noise(20, side=side)
    whole, some = extractor._forward(images), extractor._forward(images[[7, 3, 11]])
    for every, chosen in zip(whole, some, strict=True):
        assert every is not None
        assert chosen is not None
        np.testing.assert_array_equal(chosen, every[[7, 3, 11]])


@dataclass(frozen=True)
class Deadly(StoredBackbone):
    """Kills its worker at the second batch, `deaths` times; deaths append lines to `marks`."""

    marks: str = ""
    deaths: int = 0

    def load(self) -> Backbone:
        backbone, passes = super().load(), itertools.count()
        backbone.normalise.register_forward_pre_hook(lambda *_: self._die(next(passes)))
        return backbone

    def _die(self, passed: int) -> None:
        marks = Path(self.marks)
        if passed >= 2 and len(marks.read_text().splitlines()) < self.deaths:
            with marks.open("a") as stream:
                stream.write("dead\n")
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("deaths", [1, 99])
def test_a_pass_continues_after_a_worker_died_unless_it_always_dies(
    store: Path, stored: StoredBackbone, backbone: Backbone, tmp_path: Path, deaths: int
) -> None:
    (tmp_path / "marks").touch()
    (tmp_path / "pooled").mkdir()
    deadly = Deadly(**vars(stored), marks=str(tmp_path / "marks"), deaths=deaths)

    left = tmp_path / "pooled" / "part-of-a-dead-worker.npy"
    left.write_bytes(b"half")
    calls: list[tuple[int, str]] = []

    def work() -> dict[str, dict[str, FileSum]]:
        return extract(
            str(store / "shards"),
            LOCAL,
            deadly,
            Extraction(str(tmp_path / "pooled"), None, "max", "float32"),
            rows=ROWS,
            workers=1,
            again=lambda written, reason: calls.append((written, reason)) or len(calls) < 2,
        )

    if deaths == 99:
        with pytest.raises(ExtractionError, match=r"mobilenet: its worker died \d times"):
            work()
        assert all(reason.startswith("ActorDiedError: ") for _, reason in calls)
        assert not (tmp_path / "pooled" / "index.parquet").exists()
        return
    assert work() == {str(tmp_path / "pooled"): sums_of(tmp_path / "pooled")}
    assert not left.exists()
    rows, _, pooled = _direct(store, backbone)
    table = ActivationTable(str(tmp_path / "pooled"), LOCAL)
    assert (tmp_path / "marks").read_text() == "dead\n"
    assert len(table) == ROWS
    np.testing.assert_allclose(table.gather(table.find(rows)), pooled, rtol=1e-4, atol=1e-4)


def test_parts_of_different_rows_never_overwrite_each_other() -> None:
    batches = [(["a"], [0]), (["a"], [1]), (["a", "a"], [0, 1])]
    names = [extraction._part_name(*batch) for batch in batches]
    assert len(set(names)) == 3
