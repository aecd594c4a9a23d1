"""End-to-end training's rows: image shards through Ray Data to the device, epoch after epoch.

What cannot be cached reads its pixels again in every epoch. A trial's rows are decoded once, fully
shuffled, and stay as blocks in Ray's object store, which spills to disk what memory has no room
for. Every epoch takes the blocks in another order, and rows out of a shuffle buffer.

Several workers get equally many rows each: where the rows cannot be parted evenly, some are sent
twice, the second time with a label of -100, which counts nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import torch
import torch.distributed as dist
from torch import Tensor

from datasets.ray_data import prepare_ray_data
from datasets.shards import pixels_of, shard_paths
from trainables.rows import Batch, rank_and_world

if TYPE_CHECKING:
    from ray.data import DataIterator, Dataset

STREAM_VERSION = 1
PADDING = -100  # the label that torch's cross-entropy ignores
CPUS_OF_TRAINING = 0.8  # the rest of a processor is for the tasks that read
CPUS_OF_TASK = 0.2
_BUFFER_BYTES = 256 << 20
_PREFETCHED = 4  # batches


def pixel_dataset(
    shards: str,
    filesystem: pafs.FileSystem,
    rows: pd.DataFrame,
    *,
    seed: int,
    workers: int = 1,
) -> Dataset:
    """The rows' pixels (H, W, 3) uint8 and labels, in the object store, shuffled.

    Args:
        shards: the folder of the image shards.
        filesystem: where it lies.
        rows: columns image_id, copy, label.
        seed: of the shuffle, and of the blocks' order in each epoch.
        workers: how many will share the rows.

    Raises:
        RuntimeError: not exactly these rows came out.
    """
    import ray.data
    from ray.data import RandomSeedConfig

    prepare_ray_data().execution_options.preserve_order = True
    seed %= 2**32  # numpy's limit
    labels = _labels(rows, workers)
    wanted = sum(map(len, labels.values()))
    # Not read_parquet nor from_arrow: they ask for half a processor or a whole one to look at what
    # they are given, and where trials hold the processors wait for ever.
    paths = [{"path": path} for path in shard_paths(shards, filesystem)]
    read = partial(_read_rows, filesystem=filesystem, labels=labels)
    there = (
        ray.data.from_items(paths, override_num_blocks=len(paths))
        .map_batches(read, batch_size=None, batch_format="pyarrow", num_cpus=CPUS_OF_TASK)
        .random_shuffle(seed=seed, num_cpus=CPUS_OF_TASK)
        .materialize()
    )
    if there.count() != wanted:
        raise RuntimeError(f"the shards in {shards!r} gave {there.count()} of {wanted} rows")
    every_epoch = RandomSeedConfig(seed, reseed_after_execution=True)
    dataset: Dataset = there.randomize_block_order(seed=every_epoch)
    return dataset


def _labels(rows: pd.DataFrame, workers: int) -> dict[tuple[str, int], list[int]]:
    """The labels that each (image_id, copy) is sent with."""
    labels: dict[tuple[str, int], list[int]] = defaultdict(list)
    triples = list(zip(rows["image_id"], rows["copy"], rows["label"], strict=True))
    for image_id, copy, label in triples:
        labels[image_id, copy].append(label)
    for image_id, copy, _ in triples[: -len(triples) % workers]:
        labels[image_id, copy].append(PADDING)
    return dict(labels)


def _read_rows(
    paths: pa.Table,
    filesystem: pafs.FileSystem,
    labels: dict[tuple[str, int], list[int]],
) -> dict[str, np.ndarray]:
    """The wanted rows of one shard, as often as they are wanted."""
    table = pq.read_table(paths["path"][0].as_py(), filesystem=filesystem)
    keys = zip(table["image_id"].to_pylist(), table["copy"].to_pylist(), strict=True)
    found = [(row, label) for row, key in enumerate(keys) for label in labels.get(key, ())]
    return {
        "pixels": pixels_of(table)[np.array([row for row, _ in found], np.int64)],
        "label": np.array([label for _, label in found], np.int64),
    }


class StreamRows:
    """A worker's share of a `pixel_dataset`: `trainables.rows.Rows` over pixels (b, 3, N, N).

    `count`: rows of all workers together; `augment` is applied to every batch on the device.
    """

    def __init__(
        self,
        stream: DataIterator,
        count: int,
        image_size: int,
        device: torch.device,
        augment: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.stream, self.count, self.device, self.augment = stream, count, device, augment
        self.buffer = max(1, _BUFFER_BYTES // (3 * image_size**2))

    def __len__(self) -> int:
        return self.count

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        _, world = rank_and_world()
        each = batch_size // world
        seed = int(torch.randint(2**31, (1,), generator=generator))
        batches = self.stream.iter_torch_batches(
            prefetch_batches=_PREFETCHED,
            batch_size=each,
            local_shuffle_buffer_size=max(each, min(self.buffer, self.count // world)),
            local_shuffle_seed=seed,
            device=self.device,
        )
        for batch in _joined(batches, smallest=2):
            inputs, labels = batch["pixels"].permute(0, 3, 1, 2), batch["label"]
            inputs = self.augment(inputs) if self.augment else inputs
            yield Batch(inputs, labels, self._global_count(labels, world))

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return None  # the pixels would be read and computed once more

    def _global_count(self, labels: Tensor, world: int) -> int:
        if world == 1 or self.count % world == 0:
            return world * len(labels)
        counted = (labels >= 0).sum()
        dist.all_reduce(counted)
        return int(counted)


def _joined(batches: Any, smallest: int) -> Iterator[dict[str, Tensor]]:
    """The batches; a last one under `smallest` rows joins the one before."""
    waiting: dict[str, Tensor] | None = None
    for batch in batches:
        if waiting is None:
            waiting = batch
        elif len(batch["label"]) < smallest:
            waiting = {name: torch.cat([waiting[name], batch[name]]) for name in waiting}
        else:
            yield waiting
            waiting = batch
    if waiting is not None:
        yield waiting
