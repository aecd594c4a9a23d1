"""Activation tables: what a frozen network computes on an image, computed once.

A table is a folder of `part-*.npy` files, (rows, ...) each, and an `index.parquet` that says which
row holds which (image_id, copy). Ray Data streams the image shards through a pool of extractors,
which write the parts where they stand; only the index travels. Trials map the parts into memory, so
all processes of a machine share one copy and a table may be larger than memory.

Two tables come from one pass over a backbone: `pooled` (R, C) float32 for transfer learning, and
`prefix` (R, C, h, w), float16 unless said otherwise, for fine-tuning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file

from datasets.ray_data import prepare_ray_data
from datasets.shards import pixels_of
from trainables.backbones import Backbone, build_backbone
from trainables.heads import GlobalPool
from trainables.inference import for_inference
from trainables.machine_cache import Check, local_copy, upload
from trainables.registry import BACKBONES

TABLES_VERSION = 2
_BATCH = 64  # rows of a part
_FORWARD = 32  # images of a forward pass
_CPUS_OF_READER = 0.1


@dataclass(frozen=True)
class StoredBackbone:
    """A backbone's file in the store and what is needed to build it again, anywhere."""

    name: str
    model_args: tuple[tuple[str, str], ...]
    path: str
    filesystem: pafs.FileSystem

    def load(self) -> Backbone:
        backbone = build_backbone(BACKBONES[self.name], dict(self.model_args), device="meta")
        folder = local_copy(self.path, self.filesystem)
        backbone.load_state(load_file(folder / "weights.safetensors"))
        return backbone


def save_backbone(backbone: Backbone, folder: str, filesystem: pafs.FileSystem) -> None:
    """Write `weights.safetensors` into a folder of the store."""
    with upload(folder, filesystem) as local:
        state = {k: v.contiguous() for k, v in backbone.state().items()}
        save_file(state, local / "weights.safetensors")


@dataclass(frozen=True)
class Extraction:
    """What one pass writes; a folder that is None is not written."""

    pooled: str | None
    prefix: str | None
    pooling: str
    dtype: str  # of the prefix table, float16 or float32


class ExtractionError(RuntimeError):
    """A pass whose workers die again and again."""


def extract(
    shards: str,
    filesystem: pafs.FileSystem,
    backbone: StoredBackbone,
    extraction: Extraction,
    *,
    rows: int,
    workers: int,
    gpus_per_worker: float = 0.0,
    retries: int = 2,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Push every row of the image shards through a backbone and write the tables.

    When a worker dies, the pass goes on with the rows that are not written yet. `retries`: how
    often in a row it may die, by itself or with its machine, without a row written in between:
    images that kill every worker end the pass.

    Raises ExtractionError for that, RuntimeError when not exactly `rows` rows came out: nothing is
    dropped silently.
    """
    import ray  # not before it is used: every trial's process imports this module

    parts: list[pd.DataFrame] = []
    deaths = 0
    while deaths <= retries:
        before = len(parts)
        try:
            for part in _one_pass(
                shards, filesystem, backbone, extraction, _keys(parts), workers, gpus_per_worker
            ):
                parts.append(part)
                if on_progress:
                    on_progress(sum(map(len, parts)))
            _write_index(pd.concat(parts, ignore_index=True), rows, extraction, filesystem)
            return
        except (
            ray.exceptions.RayActorError,
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.ObjectLostError,
        ) as error:
            deaths = 1 if len(parts) > before else deaths + 1
            reason = " ".join(str(error).split())
        except ray.exceptions.OutOfMemoryError:
            deaths = 1 if len(parts) > before else deaths + 1
            reason = "this machine is out of memory"
    raise ExtractionError(
        f"{backbone.name}: its worker died {deaths} times with {sum(map(len, parts))} of {rows} "
        f"rows written and none in between: {reason}"
    )


def _keys(parts: list[pd.DataFrame]) -> frozenset[tuple[str, int]]:
    return frozenset(
        key for part in parts for key in zip(part["image_id"], part["copy"], strict=True)
    )


def _one_pass(
    shards: str,
    filesystem: pafs.FileSystem,
    backbone: StoredBackbone,
    extraction: Extraction,
    done: frozenset[tuple[str, int]],
    workers: int,
    gpus_per_worker: float,
) -> Iterator[pd.DataFrame]:
    """Write the parts of all rows that are not `done`; the index of each part as it is written."""
    import ray.data

    prepare_ray_data()
    index = (
        ray.data.read_parquet(shards, filesystem=filesystem, num_cpus=_CPUS_OF_READER)
        .map_batches(
            _Extractor,
            fn_constructor_args=(backbone, extraction, filesystem, done),
            batch_size=_BATCH,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1 - _CPUS_OF_READER,  # with whole ones, readers would wait for ever
            num_gpus=gpus_per_worker or None,
            # Ray's own restarts are endless, and it warns of them on stderr.
            ray_remote_args_fn=lambda: {"max_restarts": 0},
        )
        .iter_batches(batch_size=None, batch_format="pandas")
    )
    yield from (pd.DataFrame(part) for part in index if len(part))


def _write_index(
    index: pd.DataFrame, rows: int, extraction: Extraction, filesystem: pafs.FileSystem
) -> None:
    distinct = len(index.drop_duplicates(["image_id", "copy"]))
    if len(index) != rows or distinct != rows:
        raise RuntimeError(
            f"extraction gave {len(index)} rows, {distinct} of them distinct, instead of {rows}"
        )
    index = index.sort_values(["image_id", "copy"], ignore_index=True)
    for folder in filter(None, (extraction.pooled, extraction.prefix)):
        table = pa.Table.from_pandas(index, preserve_index=False)
        pq.write_table(table, f"{folder}/index.parquet", filesystem=filesystem)


class _Extractor:
    """One worker of the pool: holds a backbone, writes parts, returns their index."""

    def __init__(
        self,
        backbone: StoredBackbone,
        extraction: Extraction,
        filesystem: pafs.FileSystem,
        done: frozenset[tuple[str, int]] = frozenset(),  # rows that are written already
    ) -> None:
        self.done = done
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.device.type == "cpu":
            torch.set_num_threads(1)
        self.backbone = backbone.load().to(self.device)
        self.prefix = for_inference(self.backbone.prefix)
        self.suffix = for_inference(self.backbone.suffix)
        self.pool = GlobalPool(extraction.pooling)
        self.extraction = extraction
        self.filesystem = filesystem

    def __call__(self, batch: pa.Table) -> pa.Table:
        keys = zip(batch["image_id"].to_pylist(), batch["copy"].to_pylist(), strict=True)
        batch = batch.filter(pa.array([key not in self.done for key in keys]))
        return self._write(batch) if len(batch) else _no_rows()

    def _write(self, batch: pa.Table) -> pa.Table:
        pixels = torch.from_numpy(pixels_of(batch)).permute(0, 3, 1, 2)
        passes = [self._forward(some) for some in pixels.split(_FORWARD)]
        pooled, prefix = (
            None if arrays[0] is None else np.concatenate(arrays)
            for arrays in zip(*passes, strict=True)
        )
        ids, copies = batch.column("image_id"), batch.column("copy")
        name = _part_name(ids.to_pylist(), copies.to_pylist())
        for folder, array in ((self.extraction.pooled, pooled), (self.extraction.prefix, prefix)):
            if folder is not None and array is not None:
                with self.filesystem.open_output_stream(f"{folder}/{name}") as stream:
                    np.save(stream, array)
        places = {"part": [name] * len(batch), "offset": range(len(batch))}
        return pa.table({"image_id": ids, "copy": copies, **places})

    @torch.inference_mode()
    def _forward(self, pixels: torch.Tensor) -> tuple[np.ndarray | None, np.ndarray | None]:
        """uint8 (B, 3, H, W) -> pooled (B, C) float32, prefix (B, C', h, w) of the table's type;
        None for a table that is not wanted.

        Always on `_FORWARD` images: then an image's numbers do not depend, to the bit, on how many
        others came along, which is not the same from run to run.
        """
        count = len(pixels)
        filled = torch.cat([pixels, pixels[:1].expand(_FORWARD - count, -1, -1, -1)])
        inputs = self.backbone.normalise(filled.to(self.device))
        activations = self.prefix(inputs.contiguous(memory_format=torch.channels_last))
        pooled = prefix = None
        if self.extraction.pooled is not None:
            pooled = self.pool(self.suffix(activations))[:count].cpu().numpy()
        if self.extraction.prefix is not None:
            prefix = self._stored(activations[:count]).cpu().numpy()
        return pooled, prefix

    def _stored(self, activations: torch.Tensor) -> torch.Tensor:
        stored = activations.to(getattr(torch, self.extraction.dtype)).contiguous()
        if not torch.isfinite(stored).all():
            raise FloatingPointError(
                f"{self.backbone.spec.name}: activations do not fit {self.extraction.dtype}; "
                "set cache.dtype: float32"
            )
        return stored


def _no_rows() -> pa.Table:
    types = {"image_id": pa.string(), "copy": pa.int32(), "part": pa.string(), "offset": pa.int64()}
    return pa.table({name: pa.array([], kind) for name, kind in types.items()})


def _part_name(ids: list[str], copies: list[int]) -> str:
    """Named by all its rows: a batch that is done again, after its worker died, takes the place of
    what the dead one left, and one of other rows never does. The index alone says what is read."""
    rows = " ".join(f"{one}/{copy}" for one, copy in zip(ids, copies, strict=True))
    return f"part-{hashlib.sha256(rows.encode()).hexdigest()[:24]}.npy"


class ActivationTable:
    """A table opened for reading: row numbers for (image_id, copy), arrays for row numbers."""

    def __init__(
        self, folder: str, filesystem: pafs.FileSystem, check: Check | None = None
    ) -> None:
        local = local_copy(folder, filesystem, check)
        index = pd.read_parquet(local / "index.parquet")
        names = sorted(index["part"].unique())
        self._parts = [np.load(local / name, mmap_mode="r", allow_pickle=False) for name in names]
        self._part = index["part"].map({n: i for i, n in enumerate(names)}).to_numpy()
        self._offset = index["offset"].to_numpy()
        self._row = pd.Series(
            np.arange(len(index)), index=pd.MultiIndex.from_frame(index[["image_id", "copy"]])
        )
        self.shape = self._parts[0].shape[1:]
        self.dtype = self._parts[0].dtype

    def __len__(self) -> int:
        return len(self._row)

    def find(self, rows: pd.DataFrame) -> np.ndarray:
        """Row numbers (n,) int64 of the `image_id` and `copy` columns; KeyError if one lacks."""
        wanted = pd.MultiIndex.from_frame(rows[["image_id", "copy"]])
        return self._row.loc[wanted].to_numpy(dtype=np.int64)

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        """(n, ...) array of the table's type for row numbers (n,)."""
        out = np.empty((len(numbers), *self.shape), self.dtype)
        part = self._part[numbers]
        for i in np.unique(part):
            mine = np.flatnonzero(part == i)
            out[mine] = self._parts[i][self._offset[numbers[mine]]]
        return out


_open_tables: dict[str, ActivationTable] = {}
_MAX_OPEN = 4


def open_table(
    folder: str, filesystem: pafs.FileSystem, check: Check | None = None
) -> ActivationTable:
    """A table, kept open for the next trial of this process. `check`: of a copy that is fetched."""
    if folder not in _open_tables:
        while len(_open_tables) >= _MAX_OPEN:
            _open_tables.pop(next(iter(_open_tables)))
        _open_tables[folder] = ActivationTable(folder, filesystem, check)
    return _open_tables[folder]
