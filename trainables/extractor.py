"""A worker of extraction: sends rows of image shards through frozen networks and writes the parts
of their activation tables.

A worker handles several units of rows at once, in threads of which one computes: while it does,
others read and decode the next rows and write the last ones. Only the index of a part is returned,
with the sums of its files.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import torch
from torch import Tensor

from datasets.file_sums import FileSum, SummedFile
from datasets.shards import ShardRows, pixels_of, read_rows
from trainables.backbones import Backbone
from trainables.device import assigned_device
from trainables.heads import GlobalPool
from trainables.inference import channels_last, for_inference
from trainables.stored_backbone import StoredBackbone

PART = "part-"
TABLES = ("pooled", "prefix")
_SUM = (("size", pa.int64()), ("sha256", pa.string()))
INDEX = pa.schema(
    [
        ("image_id", pa.string()),
        ("copy", pa.int32()),
        ("part", pa.string()),
        ("offset", pa.int64()),
    ]
)
_FILES = pa.schema(  # of the part in each table: what the index does not keep
    [(f"{table}_{column}", kind) for table in TABLES for column, kind in _SUM]
)
_LOADED = 2  # networks: that of the units in progress, and the next one
_SMALLEST = 8  # images in a forward pass on a GPU that runs out of memory


@dataclass(frozen=True)
class Extraction:
    """The output folders of a pass (None: that table is not written) and its settings."""

    pooled: str | None
    prefix: str | None
    pooling: str
    dtype: str  # of the prefix table, float16 or float32
    precision: str = "float32"  # that the network computes in, or bfloat16

    @property
    def folders(self) -> dict[str, str]:
        """The folders that are written to, by table."""
        both = {"pooled": self.pooled, "prefix": self.prefix}
        return {table: folder for table, folder in both.items() if folder is not None}


class Batching(NamedTuple):
    """How the rows of a pass are divided on a kind of device."""

    rows: int  # of a unit, which becomes a part
    forward: int  # images in a forward pass, at most
    units_at_once: int  # in threads of a worker


ON_CPU = Batching(rows=64, forward=32, units_at_once=2)
ON_GPU = Batching(rows=512, forward=256, units_at_once=4)


def images_at_once(device: torch.device) -> int:
    """Images in a forward pass that a kind of device computes well."""
    return (ON_CPU if device.type == "cpu" else ON_GPU).forward


class FrozenNetwork:
    """A backbone that only computes: BatchNorm folded, channels last, on a device."""

    def __init__(self, backbone: Backbone, extraction: Extraction, device: torch.device) -> None:
        self.name, self.extraction, self.device = backbone.spec.name, extraction, device
        self.dtype: torch.dtype = getattr(torch, extraction.precision)
        self.pool = GlobalPool(extraction.pooling)
        backbone = backbone.to(device)
        self.normalise = backbone.normalise
        sample = self._sample(backbone.spec.image_size)
        prefix = for_inference(backbone.prefix, sample)
        with torch.inference_mode():
            activations = prefix(sample)
        self.prefix = prefix.to(self.dtype)
        self.suffix = for_inference(backbone.suffix, activations).to(self.dtype)

    def _sample(self, side: int) -> Tensor:
        """Two images of noise as the prefix takes them."""
        pixels = 255 * torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
        return channels_last(self.normalise(pixels.to(self.device)))

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, images: int = 0) -> dict[str, Tensor]:
        """The tables that are written of uint8 pixels (B, 3, H, W) on the device: `pooled` (B, C)
        float32, and `prefix` (B, ...) in the table's dtype.

        The batch is padded to so many `images`. On a CPU an image's values then do not depend, to
        the bit, on the size of its batch.
        """
        count, found = len(pixels), dict[str, Tensor]()
        padded = torch.cat([pixels, pixels[:1].expand(max(0, images - count), -1, -1, -1)])
        inputs = channels_last(self.normalise(padded).to(self.dtype))
        activations = self.prefix(inputs)
        if self.extraction.pooled is not None:
            found["pooled"] = self.pool(self.suffix(activations).float())[:count]
        if self.extraction.prefix is not None:
            found["prefix"] = self._stored(activations[:count])
        return found

    def _stored(self, activations: Tensor) -> Tensor:
        stored = activations.to(getattr(torch, self.extraction.dtype)).contiguous()
        if not torch.isfinite(stored).all():
            raise FloatingPointError(
                f"activations do not fit {self.extraction.dtype}; set cache.dtype: float32"
            )
        return stored


class Extractor:
    """A worker. Its methods run in several threads at once."""

    def __init__(self, filesystem: pafs.FileSystem) -> None:
        self.filesystem = filesystem
        self.networks: dict[int, FrozenNetwork] = {}  # by the number of the pass
        self._loading, self._computing = threading.Lock(), threading.Lock()

    def prepare(self) -> None:
        """Choose the device. Raises RuntimeError if Ray assigned one that torch cannot use."""
        self.use(assigned_device())

    def use(self, device: torch.device) -> None:
        is_cpu = device.type == "cpu"
        self.device, self.batching = device, ON_CPU if is_cpu else ON_GPU
        self.forward_images = self.batching.forward
        self._copying = torch.cuda.Stream(device) if device.type == "cuda" else None

    def run(
        self,
        number: int,
        backbone: StoredBackbone,
        extraction: Extraction,
        rows: Sequence[ShardRows],
    ) -> pa.Table:
        """Write one part of pass `number`; returns its index, or the `problem` that ends the pass:
        Ray would wrap an exception in its own."""
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # a setting of each thread
        try:
            table = read_rows(rows, self.filesystem)
            network = self._network(number, backbone, extraction)
            arrays = self.compute(network, torch.from_numpy(pixels_of(table)).permute(0, 3, 1, 2))
            ids, copies = table["image_id"].to_pylist(), table["copy"].to_pylist()
            return self._write(extraction, ids, copies, arrays)
        except (FloatingPointError, torch.OutOfMemoryError) as error:
            first_line, _, _ = str(error).partition("\n")
            return _index([""], [0], "", {}, f"{backbone.name}: {first_line}")

    def _network(
        self, number: int, backbone: StoredBackbone, extraction: Extraction
    ) -> FrozenNetwork:
        with self._loading:
            if number not in self.networks:
                while len(self.networks) >= _LOADED:
                    self.networks.pop(next(iter(self.networks)))
                with self._computing:  # torch.fx traces by changing every module's call meanwhile
                    network = FrozenNetwork(backbone.load(), extraction, self.device)
                self.networks[number] = network
            return self.networks[number]

    def compute(self, network: FrozenNetwork, pixels: Tensor) -> dict[str, np.ndarray]:
        """The tables of uint8 pixels (n, 3, H, W) of this machine's memory. One thread computes at
        a time, so that no more than one batch's activations take the device's memory."""
        moved = self._to_device(pixels)
        with self._computing:
            found = self._passes(network, moved)
            if self.device.type == "cuda":
                torch.cuda.current_stream(self.device).synchronize()
        return {name: self._to_host(tensor) for name, tensor in found.items()}

    def _passes(self, network: FrozenNetwork, pixels: Tensor) -> dict[str, Tensor]:
        """In batches that fit the GPU's memory: where one does not, all later ones are smaller."""
        while True:
            try:
                passes = [network(*chunk) for chunk in self._chunks(pixels)]
                return {name: torch.cat([one[name] for one in passes]) for name in passes[0]}
            except torch.OutOfMemoryError:
                if self.forward_images <= _SMALLEST:
                    raise
            self.forward_images //= 2
            torch.cuda.empty_cache()

    def _chunks(self, pixels: Tensor) -> list[tuple[Tensor, int]]:
        """The forward passes of a unit, each with the images that it is padded to: always as many
        on a CPU; on a GPU, which adds in another order each time anyway, as even as can be."""
        if self.device.type == "cpu":
            return [(one, self.forward_images) for one in pixels.split(self.forward_images)]
        return [(one, 0) for one in pixels.chunk(math.ceil(len(pixels) / self.forward_images))]

    def _to_device(self, pixels: Tensor) -> Tensor:
        if self._copying is None:
            return pixels.to(self.device)
        with torch.cuda.stream(self._copying):
            moved = pixels.pin_memory().to(self.device, non_blocking=True)
        self._copying.synchronize()  # waits in this thread only
        return moved

    def _to_host(self, tensor: Tensor) -> np.ndarray:
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=self._copying is not None)
        with torch.cuda.stream(self._copying) if self._copying else nullcontext():
            host.copy_(tensor, non_blocking=True)
        if self._copying:
            self._copying.synchronize()
        return np.asarray(host.numpy())

    def _write(
        self,
        extraction: Extraction,
        ids: list[str],
        copies: list[int],
        arrays: Mapping[str, np.ndarray],
    ) -> pa.Table:
        name, sums = part_name(ids, copies), dict[str, FileSum]()
        for table, folder in extraction.folders.items():
            with SummedFile(self.filesystem, f"{folder}/{name}") as file:
                np.save(file, arrays[table])
            sums[table] = file.sum
        return _index(ids, copies, name, sums)


def _index(
    ids: list[str], copies: list[int], part: str, sums: Mapping[str, FileSum], problem: str = ""
) -> pa.Table:
    """The rows of a part with the `sums` of its files by table, or the `problem` that ends the
    whole pass."""
    count = len(ids)
    columns = {"image_id": ids, "copy": copies, "part": [part] * count}
    columns |= {"offset": list(range(count))}
    for table in TABLES:
        size, sha256 = sums.get(table, FileSum(0, ""))
        columns |= {f"{table}_size": [size] * count, f"{table}_sha256": [sha256] * count}
    columns |= {"problem": [problem] * count}
    return pa.table(columns, schema=pa.schema([*INDEX, *_FILES, ("problem", pa.string())]))


def part_name(ids: list[str], copies: list[int]) -> str:
    """Name a part by a hash of all its rows.

    A unit repeated after its worker died overwrites the leftover part; a unit of other rows never
    does. Only parts in the index are read.
    """
    rows = " ".join(f"{image_id}/{copy}" for image_id, copy in zip(ids, copies, strict=True))
    return f"{PART}{hashlib.sha256(rows.encode()).hexdigest()[:24]}.npy"
