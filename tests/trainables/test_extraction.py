"""Tables written with Ray, compared with the same steps done directly."""

import copy
import itertools
import os
import shutil
import signal
import tempfile
import threading
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
from trainables.device import CPU
from trainables.extraction import ExtractionError, Pass, Sums, extract
from trainables.extractor import ON_CPU, ON_GPU, Extraction, Extractor, FrozenNetwork, part_name
from trainables.inference import channels_last, for_inference
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


def extracted(
    shards: str,
    filesystem: FileSystem,
    stored: StoredBackbone,
    extraction: Extraction,
    rows: int = ROWS,
    again: Callable[[str, str], bool] = lambda unit, reason: False,
    on_progress: Callable[[int], None] | None = None,
) -> Sums:
    """One pass by one worker; the sums of its files."""
    finished: list[Sums] = []
    extract(
        [Pass(shards, stored, rows, 1.0)],
        filesystem,
        begin=lambda number: extraction,
        finish=lambda number, sums, seconds: finished.append(sums),
        workers=1,
        again=again,
        on_progress=on_progress,
    )
    return finished[0]


def worker() -> Extractor:
    one = Extractor(LOCAL)
    one.prepare()
    return one


def computed(network: FrozenNetwork, images: Tensor) -> dict[str, np.ndarray]:
    return worker().compute(network, images)


@pytest.fixture(scope="module")
def progress(store: Path, away: FileSystem, stored: StoredBackbone, ray_session: None) -> list[int]:
    """Both tables, written with Ray into the store; returns the reported progress."""
    seen: list[int] = []
    for name in ("pooled", "prefix"):
        away.create_dir(name)
    extraction = Extraction("pooled", "prefix", "max", "float16")
    sums = extracted("shards", away, stored, extraction, on_progress=seen.append)
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
        extracted(
            str(store / "shards"),
            LOCAL,
            stored,
            Extraction(None, str(store / "short"), "max", "float32"),
            rows=ROWS + 1,
        )
    parts = [np.load(path) for path in (store / "short").iterdir()]
    assert sum(map(len, parts)) == ROWS
    assert {(part.dtype, part.shape[1:]) for part in parts} == {
        (np.dtype(np.float32), _direct(store, backbone)[1].shape[1:])
    }


def test_a_duplicate_row_does_not_make_up_for_a_missing_one(tmp_path: Path) -> None:
    index = pd.DataFrame({"image_id": ["a", "b", "a"], "copy": 0, "part": "p", "offset": range(3)})
    with pytest.raises(RuntimeError, match="returned 3 rows, 2 of them distinct, not 3"):
        extraction.write_index(index, 3, Extraction(str(tmp_path), None, "max", "float16"), LOCAL)


@dataclass(frozen=True)
class Loud(StoredBackbone):
    """Returns values beyond float16 from its third full batch on."""

    def load(self) -> Backbone:
        backbone, batches = super().load(), itertools.count()

        def amplify(_: object, inputs: tuple[Tensor], output: Tensor) -> Tensor:
            is_full = len(inputs[0]) == ON_CPU.forward  # not the sample it is optimised with
            return output * 1e9 if is_full and next(batches) >= 2 else output

        backbone.prefix.register_forward_hook(amplify)
        return backbone


def test_activations_beyond_float16_end_the_pass_with_the_way_out(
    store: Path, away: FileSystem, stored: StoredBackbone, ray_session: None
) -> None:
    """Also if earlier batches have been written."""
    (store / "loud").mkdir()
    loud = Loud(**vars(stored))
    exact = FrozenNetwork(loud.load(), Extraction(None, "prefix", "max", "float32"), CPU)
    found = [computed(exact, noise(2, side=SIDE))["prefix"].max() for _ in range(3)]
    assert [one > 1e6 for one in found] == [False, False, True]
    with pytest.raises(ExtractionError, match=r"^mobilenet: .* set cache\.dtype: float32$"):
        extracted("shards", away, loud, Extraction(None, "loud", "max", "float16"))
    assert len(list((store / "loud").glob("part-*.npy"))) == 1
    assert not (store / "loud" / "index.parquet").exists()


def test_a_stored_backbone_is_loaded_unchanged(stored: StoredBackbone, backbone: Backbone) -> None:
    def features(network: Backbone) -> Tensor:
        with torch.no_grad():
            return network.suffix(network.prefix(network.normalise(noise(2, side=SIDE))))

    torch.testing.assert_close(stored.load().state(), backbone.state(), rtol=0, atol=0)
    torch.testing.assert_close(features(stored.load()), features(backbone), rtol=0, atol=0)


def test_no_network_is_loaded_while_another_computes(stored: StoredBackbone) -> None:
    """Loading traces with torch.fx, which changes the call of every module of the process."""
    one, asked = worker(), Extraction("pooled", None, "max", "float32")
    loading = threading.Thread(target=one._network, args=(0, stored, asked))
    with one._computing:
        loading.start()
        loading.join(timeout=0.5)
        assert not one.networks
    loading.join()
    assert list(one.networks) == [0]


def test_an_images_values_do_not_depend_on_its_batch() -> None:
    """EfficientNet rounds differently in batches of another size."""
    backbone, images = build_backbone(BACKBONES["efficientnetb3"]), noise(20, side=80)
    network = FrozenNetwork(backbone, Extraction("pooled", "prefix", "max", "float32"), CPU)
    whole, some = computed(network, images), computed(network, images[[7, 3, 11]])
    for name, every in whole.items():
        np.testing.assert_array_equal(some[name], every[[7, 3, 11]])


@torch.inference_mode()
def test_tables_are_bit_identical_to_forward_passes_of_32_images(backbone: Backbone) -> None:
    """What every store holds; 70 images are two passes and a third that is filled up."""
    own, images = copy.deepcopy(backbone), noise(70, side=SIDE)
    network = FrozenNetwork(
        copy.deepcopy(backbone), Extraction("pooled", "prefix", "max", "float16"), CPU
    )
    found = computed(network, images)
    prefix, suffix = for_inference(own.prefix), for_inference(own.suffix)
    filled = torch.cat([images, images[64:65].expand(26, -1, -1, -1)])
    expected = [prefix(channels_last(own.normalise(one))) for one in filled.split(32)]
    pooled = torch.cat([suffix(one).amax((2, 3)) for one in expected])[:70]
    np.testing.assert_array_equal(found["prefix"], torch.cat(expected)[:70].half().numpy())
    np.testing.assert_array_equal(found["pooled"], pooled.numpy())


def test_a_batch_that_does_not_fit_a_gpu_is_halved_until_it_does(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = noise(100, side=SIDE)
    network = FrozenNetwork(
        copy.deepcopy(backbone), Extraction("pooled", None, "max", "float32"), CPU
    )
    full = worker()
    monkeypatch.setattr(full, "device", torch.device("meta"))  # neither padded nor a CPU
    monkeypatch.setattr(full, "_to_device", lambda pixels: pixels)
    monkeypatch.setattr(full, "forward_images", ON_GPU.forward)
    seen: list[int] = []

    def refuse(_: object, inputs: tuple[Tensor]) -> None:
        seen.append(len(inputs[0]))
        if len(inputs[0]) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context():
        hook = network.prefix.register_forward_pre_hook(refuse)
        found = full.compute(network, images)
        again = full.compute(network, images[:32])
        hook.remove()
    assert seen == [100, 100, 50, 25, 25, 25, 25, 32]
    expected = computed(network, images)["pooled"]
    np.testing.assert_allclose(found["pooled"], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(again["pooled"], expected[:32], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["mobilenet", "resnet50"])
def test_bfloat16_changes_features_by_its_rounding(
    name: str, calibrated: Callable[[str], Backbone]
) -> None:
    images, found = noise(8), {}
    for precision in ("float32", "bfloat16"):
        settings = Extraction("pooled", "prefix", "avg", "float32", precision)
        network = FrozenNetwork(calibrated(name), settings, CPU)
        found[precision] = network(images)
    for table, exact in found["float32"].items():
        rounded = found["bfloat16"][table]
        assert rounded.dtype == exact.dtype == torch.float32
        deviation = (rounded - exact).norm() / exact.norm()
        assert 1e-4 < deviation < 0.1, table


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
    calls: list[tuple[str, str]] = []

    def work() -> Sums:
        return extracted(
            str(store / "shards"),
            LOCAL,
            deadly,
            Extraction(str(tmp_path / "pooled"), None, "max", "float32"),
            again=lambda unit, reason: calls.append((unit, reason)) or len(calls) < 2,
        )

    if deaths == 99:
        with pytest.raises(ExtractionError, match=r"^mobilenet, rows \d+ to \d+: the worker died"):
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
    names = [part_name(*batch) for batch in batches]
    assert len(set(names)) == 3
