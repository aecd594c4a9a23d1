"""Stream the rows of end-to-end training from image shards to the device, with Ray Data.

Without a cache, pixels are read in every epoch. A trial's rows are decoded once, fully shuffled and
kept as blocks in Ray's object store, which spills to disk if memory is short. Every epoch takes the
blocks in another order, and draws rows from a shuffle buffer.

All workers get the same number of rows: if the rows cannot be divided evenly, some are sent twice,
the second time with label -100, which is ignored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
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
from trainables.online import OnlineAugmentation, image_number
from trainables.rows import Batch, rank_and_world

if TYPE_CHECKING:
    from ray.data import DataIterator, Dataset

PADDING = -100  # the label that torch's cross-entropy ignores
CPUS_OF_TRAINING = 0.8  # the rest of the CPU is for reading tasks
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
    """Load the rows' pixels (H, W, 3) uint8 and labels into the object store, shuffled.

    Args:
        shards: the folder of the image shards.
        filesystem: the file system of `shards`.
        rows: columns image_id, copy, label.
        seed: of the shuffle, and of the order of blocks in each epoch.
        workers: the number of workers that share the rows.

    Raises:
        RuntimeError: some rows are not in the shards.
    """
    import ray.data
    from ray.data import RandomSeedConfig

    prepare_ray_data().execution_options.preserve_order = True
    seed %= 2**32  # numpy's limit
    labels = _labels(rows, workers)
    wanted = sum(map(len, labels.values()))
    # Not read_parquet or from_arrow: they reserve half a CPU or a whole one to inspect their
    # input, and would wait forever while trials occupy the CPUs.
    paths = [{"path": path} for path in shard_paths(shards, filesystem)]
    read = partial(_read_rows, filesystem=filesystem, labels=labels)
    materialized = (
        ray.data.from_items(paths, override_num_blocks=len(paths))
        .map_batches(read, batch_size=None, batch_format="pyarrow", num_cpus=CPUS_OF_TASK)
        .random_shuffle(seed=seed, num_cpus=CPUS_OF_TASK)
        .materialize()
    )
    if (found := materialized.count()) != wanted:
        raise RuntimeError(f"the shards in {shards!r} have {found} of {wanted} rows")
    every_epoch = RandomSeedConfig(seed, reseed_after_execution=True)
    dataset: Dataset = materialized.randomize_block_order(seed=every_epoch)
    return dataset


def _labels(rows: pd.DataFrame, workers: int) -> dict[tuple[str, int], list[int]]:
    """The labels with which each (image_id, copy) is sent."""
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
    """Read the wanted rows of one shard, once per label."""
    table = pq.read_table(paths["path"][0].as_py(), filesystem=filesystem)
    keys = list(zip(table["image_id"].to_pylist(), table["copy"].to_pylist(), strict=True))
    found = [(row, label) for row, key in enumerate(keys) for label in labels.get(key, ())]
    return {
        "pixels": pixels_of(table)[np.array([row for row, _ in found], np.int64)],
        "label": np.array([label for _, label in found], np.int64),
        "image": np.array([image_number(*keys[row]) for row, _ in found], np.uint64),
    }


class StreamRows:
    """A worker's share of a `pixel_dataset`: `trainables.rows.Rows` over pixels (b, 3, N, N).

    `count`: rows over all workers; `sent`: rows of a pass, where some are repeated; `augment` is
    applied to every batch before it is sent to the device.
    """

    def __init__(
        self,
        stream: DataIterator,
        count: int,
        image_size: int,
        device: torch.device,
        augment: OnlineAugmentation | None = None,
        sent: int | None = None,
    ) -> None:
        self.sent = sent or count
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
            local_shuffle_buffer_size=max(each, min(self.buffer, self.sent // world)),
            local_shuffle_seed=seed,
            device=self.device,
            collate_fn=partial(_collated, augment=self.augment, epoch=seed),
        )
        for batch in _joined(batches, smallest=2):
            inputs, labels = batch["pixels"].permute(0, 3, 1, 2), batch["label"]
            yield Batch(inputs, labels, self._global_count(labels, world))

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return None  # it would read and process all pixels again

    def _global_count(self, labels: Tensor, world: int) -> int:
        if world == 1 or self.sent % world == 0:
            return world * len(labels)
        counted = (labels >= 0).sum()
        dist.all_reduce(counted)
        return int(counted)


def _collated(
    batch: dict[str, np.ndarray], augment: OnlineAugmentation | None, epoch: int
) -> dict[str, Tensor]:
    """A batch as tensors, augmented if requested. Ray calls it in several threads."""
    pixels = batch["pixels"]
    if augment is not None:
        pixels = augment(pixels, batch["image"], epoch)
    writable = (np.require(array, requirements="W") for array in (pixels, batch["label"]))
    return dict(zip(("pixels", "label"), map(torch.from_numpy, writable), strict=True))


def _joined(batches: Any, smallest: int) -> Iterator[dict[str, Tensor]]:
    """The batches; a last one under `smallest` rows joins the one before."""
    pending: dict[str, Tensor] | None = None
    for batch in batches:
        if pending is None:
            pending = batch
        elif len(batch["label"]) < smallest:
            pending = {name: torch.cat([pending[name], batch[name]]) for name in pending}
        else:
            yield pending
            pending = batch
    if pending is not None:
        yield pending
