"""Extract activation tables from image shards: one pass of every row through a frozen backbone.

Ray Data streams the shards through a pool of extractors, which write the parts themselves; only the
index is returned, with the sums of the files. One pass writes both tables of a backbone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import ray
import torch

from datasets.file_sums import FileSum, SummedFile
from datasets.ray_data import errors_of_lost_work, prepare_ray_data
from datasets.shards import pixels_of
from trainables.backbones import Backbone
from trainables.device import assigned_device
from trainables.heads import GlobalPool
from trainables.inference import channels_last, for_inference
from trainables.stored_backbone import StoredBackbone

_BATCH = 64  # rows per part
_FORWARD = 32  # images per forward pass
_CPUS_OF_READER = 0.1
_INDEX_FILE, _PART = "index.parquet", "part-"
_SUM = (("size", pa.int64()), ("sha256", pa.string()))
_INDEX = pa.schema(
    [
        ("image_id", pa.string()),
        ("copy", pa.int32()),
        ("part", pa.string()),
        ("offset", pa.int64()),
    ]
)
_FILES = pa.schema(  # of the part in each table: what the index does not keep
    [(f"{table}_{column}", kind) for table in ("pooled", "prefix") for column, kind in _SUM]
)


@dataclass(frozen=True)
class Extraction:
    """The output folders of a pass (None: that table is not written) and its settings."""

    pooled: str | None
    prefix: str | None
    pooling: str
    dtype: str  # of the prefix table, float16 or float32

    @property
    def folders(self) -> dict[str, str]:
        """The folders that are written to, by table."""
        both = {"pooled": self.pooled, "prefix": self.prefix}
        return {table: folder for table, folder in both.items() if folder is not None}


class ExtractionError(RuntimeError):
    """The pass fails on every worker, or its workers die repeatedly."""


def extract(
    shards: str,
    filesystem: pafs.FileSystem,
    backbone: StoredBackbone,
    extraction: Extraction,
    *,
    rows: int,
    workers: int,
    gpus_per_worker: float = 0.0,
    again: Callable[[int, str], bool] = lambda written, reason: False,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, dict[str, FileSum]]:
    """Run every row of the image shards through a backbone and write the tables. Returns the sums
    of their files, by folder and name, from those who wrote them.

    When a worker dies, `again(rows written so far, Ray's reason)` decides whether the pass
    continues with the remaining rows, since images that kill every worker must end it.

    Raises:
        ExtractionError: the pass does not continue, or fails on every worker.
        RuntimeError: the number of rows written is not `rows`; no row is dropped silently.
    """
    parts: list[pd.DataFrame] = []
    deaths: Counter[int] = Counter()  # by the rows written before them
    while True:
        try:
            for part in _one_pass(
                shards, filesystem, backbone, extraction, _keys(parts), workers, gpus_per_worker
            ):
                parts.append(part)
                if on_progress:
                    on_progress(sum(map(len, parts)))
            return _write_index(pd.concat(parts, ignore_index=True), rows, extraction, filesystem)
        except errors_of_lost_work(ray.exceptions.RayActorError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
        except ray.exceptions.OutOfMemoryError:  # its text contains all users' command lines
            reason = "this machine is out of memory"
        written = sum(map(len, parts))
        deaths[written] += 1
        if not again(written, reason):
            raise ExtractionError(
                f"{backbone.name}: its worker died {deaths[written]} times in a row after "
                f"{written} of {rows} rows: {reason}"
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
    """Write the parts of all rows that are not `done`; yields their index block by block."""
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
            num_cpus=1 - _CPUS_OF_READER,  # with whole CPUs, readers would wait forever
            num_gpus=gpus_per_worker or None,
            # By default Ray restarts without limit, and warns on stderr.
            ray_remote_args_fn=lambda: {"max_restarts": 0},
        )
        .iter_batches(batch_size=None, batch_format="pandas")
    )
    for block in map(pd.DataFrame, index):
        for problem in filter(None, block["problem"]):
            raise ExtractionError(problem)
        if len(block):
            yield block.drop(columns="problem")


def _write_index(
    index: pd.DataFrame, rows: int, extraction: Extraction, filesystem: pafs.FileSystem
) -> dict[str, dict[str, FileSum]]:
    distinct = len(index.drop_duplicates(["image_id", "copy"]))
    if len(index) != rows or distinct != rows:
        raise RuntimeError(
            f"extraction returned {len(index)} rows, {distinct} of them distinct, not {rows}"
        )
    index = index.sort_values(["image_id", "copy"], ignore_index=True)
    table = pa.Table.from_pandas(index[_INDEX.names], preserve_index=False)
    files = index.drop_duplicates("part")
    sums: dict[str, dict[str, FileSum]] = {}
    for name, folder in extraction.folders.items():
        found = zip(files["part"], files[f"{name}_size"], files[f"{name}_sha256"], strict=True)
        sums[folder] = {part: FileSum(int(size), sha256) for part, size, sha256 in found}
        _remove_unlisted(folder, sums[folder], filesystem)
        with SummedFile(filesystem, f"{folder}/{_INDEX_FILE}") as file:
            pq.write_table(table, file)
        sums[folder][_INDEX_FILE] = file.sum
    return sums


def _remove_unlisted(folder: str, parts: Collection[str], filesystem: pafs.FileSystem) -> None:
    """Remove the parts of workers that died before they returned their index."""
    for info in filesystem.get_file_info(pafs.FileSelector(folder)):
        if info.base_name.startswith(_PART) and info.base_name not in parts:
            filesystem.delete_file(info.path)


class _Extractor:
    """A worker of the pool: runs a backbone, writes parts, returns their index."""

    def __init__(
        self,
        backbone: StoredBackbone,
        extraction: Extraction,
        filesystem: pafs.FileSystem,
        done: frozenset[tuple[str, int]] = frozenset(),  # rows written before
    ) -> None:
        self.done = done
        self.device = assigned_device()
        self.backbone = backbone.load().to(self.device)
        sample = self._sample(self.backbone)
        self.prefix = for_inference(self.backbone.prefix, sample)
        with torch.inference_mode():
            activations = self.prefix(sample)
        self.suffix = for_inference(self.backbone.suffix, activations)
        self.pool = GlobalPool(extraction.pooling)
        self.extraction = extraction
        self.filesystem = filesystem

    def _sample(self, backbone: Backbone) -> torch.Tensor:
        """Two images of noise as the prefix takes them."""
        side, generator = backbone.spec.image_size, torch.Generator().manual_seed(0)
        pixels = 255 * torch.rand(2, 3, side, side, generator=generator)
        return channels_last(backbone.normalise(pixels.to(self.device)))

    def __call__(self, batch: pa.Table) -> pa.Table:
        keys = zip(batch["image_id"].to_pylist(), batch["copy"].to_pylist(), strict=True)
        batch = batch.filter(pa.array([key not in self.done for key in keys]))
        try:
            return self._write(batch) if len(batch) else _index([], [], "", {})
        except (FloatingPointError, torch.OutOfMemoryError) as error:
            # Returned as a value: Ray would wrap an exception in its own.
            first_line, _, _ = str(error).partition("\n")
            return _index([""], [0], "", {}, f"{self.backbone.spec.name}: {first_line}")

    def _write(self, batch: pa.Table) -> pa.Table:
        pixels = torch.from_numpy(pixels_of(batch)).permute(0, 3, 1, 2)
        passes = [self._forward(chunk) for chunk in pixels.split(_FORWARD)]
        arrays = dict(zip(("pooled", "prefix"), zip(*passes, strict=True), strict=True))
        ids, copies = batch["image_id"].to_pylist(), batch["copy"].to_pylist()
        name, sums = _part_name(ids, copies), dict[str, FileSum]()
        for table, folder in self.extraction.folders.items():
            with SummedFile(self.filesystem, f"{folder}/{name}") as file:
                np.save(file, np.concatenate(arrays[table]))
            sums[table] = file.sum
        return _index(ids, copies, name, sums)

    @torch.inference_mode()
    def _forward(self, pixels: torch.Tensor) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Compute pooled (B, C) float32 and prefix (B, ...) from uint8 (B, 3, H, W).

        The prefix has the table's dtype; a table that is not written is None. The batch is padded
        to `_FORWARD` images, so that an image's values do not depend, to the bit, on the size of
        its batch, which varies from run to run.
        """
        count = len(pixels)
        padded = torch.cat([pixels, pixels[:1].expand(_FORWARD - count, -1, -1, -1)])
        inputs = self.backbone.normalise(padded.to(self.device))
        activations = self.prefix(channels_last(inputs))
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
                f"activations do not fit {self.extraction.dtype}; set cache.dtype: float32"
            )
        return stored


def _index(
    ids: list[str], copies: list[int], part: str, sums: Mapping[str, FileSum], problem: str = ""
) -> pa.Table:
    """The rows of a part with the `sums` of its files by table, or the `problem` that ends the
    whole pass."""
    count = len(ids)
    columns = {"image_id": ids, "copy": copies, "part": [part] * count}
    columns |= {"offset": list(range(count))}
    for table in ("pooled", "prefix"):
        size, sha256 = sums.get(table, FileSum(0, ""))
        columns |= {f"{table}_size": [size] * count, f"{table}_sha256": [sha256] * count}
    columns |= {"problem": [problem] * count}
    return pa.table(columns, schema=pa.schema([*_INDEX, *_FILES, ("problem", pa.string())]))


def _part_name(ids: list[str], copies: list[int]) -> str:
    """Name a part by a hash of all its rows.

    A batch repeated after its worker died overwrites the leftover part; a batch of other rows never
    does. Only parts in the index are read.
    """
    rows = " ".join(f"{image_id}/{copy}" for image_id, copy in zip(ids, copies, strict=True))
    return f"{_PART}{hashlib.sha256(rows.encode()).hexdigest()[:24]}.npy"
