"""Image shards -> activation tables: every row through a frozen backbone, once.

Ray Data streams the shards through a pool of extractors, which write the parts where they stand;
only the index travels. One pass over a backbone writes both of its tables.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import ray
import torch

from datasets.ray_data import errors_of_lost_work, prepare_ray_data
from datasets.shards import pixels_of
from trainables.heads import GlobalPool
from trainables.inference import for_inference
from trainables.stored_backbone import StoredBackbone

_BATCH = 64  # rows of a part
_FORWARD = 32  # images of a forward pass
_CPUS_OF_READER = 0.1
_INDEX = pa.schema(
    [
        ("image_id", pa.string()),
        ("copy", pa.int32()),
        ("part", pa.string()),
        ("offset", pa.int64()),
        ("problem", pa.string()),
    ]
)


@dataclass(frozen=True)
class Extraction:
    """What one pass writes; a folder that is None is not written."""

    pooled: str | None
    prefix: str | None
    pooling: str
    dtype: str  # of the prefix table, float16 or float32


class ExtractionError(RuntimeError):
    """A pass that no worker can do, or whose workers die again and again."""


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
) -> None:
    """Push every row of the image shards through a backbone and write the tables.

    When a worker dies, the pass goes on with the rows that are not written yet. `again` is asked
    whether it does, with the rows written so far and Ray's reason: images that kill every worker
    must end the pass.

    Raises ExtractionError where it does not, or where no worker can do it, RuntimeError when not
    exactly `rows` rows came out: nothing is dropped silently.
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
            _write_index(pd.concat(parts, ignore_index=True), rows, extraction, filesystem)
            return
        except errors_of_lost_work(ray.exceptions.RayActorError) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
        except ray.exceptions.OutOfMemoryError:  # it would tell everybody's command lines
            reason = "this machine is out of memory"
        written = sum(map(len, parts))
        deaths[written] += 1
        if not again(written, reason):
            raise ExtractionError(
                f"{backbone.name}: its worker died {deaths[written]} times with {written} of "
                f"{rows} rows written and none in between: {reason}"
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
    """Write the parts of all rows that are not `done`; their index, as Ray hands it over."""
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
    for block in map(pd.DataFrame, index):
        for problem in filter(None, block["problem"]):
            raise ExtractionError(problem)
        if len(block):
            yield block.drop(columns="problem")


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
        try:
            return self._write(batch) if len(batch) else _index([], [], "")
        except (FloatingPointError, torch.OutOfMemoryError) as error:
            # As a value: raised here, Ray would bury it in its own error.
            said, _, _ = str(error).partition("\n")
            return _index([""], [0], "", f"{self.backbone.spec.name}: {said}")

    def _write(self, batch: pa.Table) -> pa.Table:
        pixels = torch.from_numpy(pixels_of(batch)).permute(0, 3, 1, 2)
        passes = [self._forward(some) for some in pixels.split(_FORWARD)]
        pooled, prefix = (
            None if arrays[0] is None else np.concatenate(arrays)
            for arrays in zip(*passes, strict=True)
        )
        ids, copies = batch["image_id"].to_pylist(), batch["copy"].to_pylist()
        name = _part_name(ids, copies)
        for folder, array in ((self.extraction.pooled, pooled), (self.extraction.prefix, prefix)):
            if folder is not None and array is not None:
                with self.filesystem.open_output_stream(f"{folder}/{name}") as stream:
                    np.save(stream, array)
        return _index(ids, copies, name)

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
                f"activations do not fit {self.extraction.dtype}; set cache.dtype: float32"
            )
        return stored


def _index(ids: list[str], copies: list[int], part: str, problem: str = "") -> pa.Table:
    """Where a part holds which row, or what keeps the whole pass from being done."""
    count = len(ids)
    columns = {"image_id": ids, "copy": copies, "offset": list(range(count))}
    columns |= {"part": [part] * count, "problem": [problem] * count}
    return pa.table(columns, schema=_INDEX)


def _part_name(ids: list[str], copies: list[int]) -> str:
    """Named by all its rows: a batch that is done again, after its worker died, takes the place of
    what the dead one left, and one of other rows never does. The index alone says what is read."""
    rows = " ".join(f"{one}/{copy}" for one, copy in zip(ids, copies, strict=True))
    return f"part-{hashlib.sha256(rows.encode()).hexdigest()[:24]}.npy"
