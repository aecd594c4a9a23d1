"""A worker that predicts parts: reads their images, runs the network, writes their Parquet files.

Images never leave the worker; what it returns is a count for each part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from types import TracebackType

import numpy as np
import pyarrow.fs as pafs
import torch

from datasets.decoding.isolated_pixels import PixelReader, ReadPixels
from datasets.decoding.limits import MAX_BYTES, check_file_size
from datasets.errors import DataError
from datasets.layout.file_kinds import unread_problem
from datasets.preprocess import Preprocessing
from sweeper.store.records import table_bytes
from sweeper.store.refusals import in_one_line
from sweeper.store.store import Store
from sweeper.use.at_scale.listing import Listed, Part
from sweeper.use.at_scale.rows import ImageRow, table_of, write_whole
from sweeper.use.chosen import ChosenCell
from sweeper.use.novelty import Novelty
from sweeper.use.operating_points import classes_reached
from sweeper.use.prediction import BATCH, Predictor

Known = Mapping[str, tuple[str, str]]
"""The run's images by the hashes of bytes and of pixels: path and part."""


@dataclass(frozen=True)
class Job:
    """What all workers of one prediction have in common. `out`: the folder of the Parquet files;
    `readers`: processes that decode for one worker."""

    chosen: ChosenCell
    store: str
    steps: Preprocessing
    novelty: Novelty | None
    known: Known
    source: pafs.FileSystem
    target: pafs.FileSystem
    out: str
    embeddings: bool
    readers: int = 1


class PartWorker:
    """Predicts one part at a time on `device`; a context manager, which ends its decoding
    processes."""

    def __init__(self, job: Job, device: torch.device) -> None:
        self.job = job
        store = Store(job.store, writable=False)
        self._predictor = Predictor(job.chosen, store, job.novelty, device)
        self._readers: SimpleQueue[PixelReader] = SimpleQueue()
        self._stack = ExitStack()
        for _ in range(job.readers):
            self._readers.put(self._stack.enter_context(PixelReader()))
        # Decoding runs ahead of the network.
        self._pool = self._stack.enter_context(ThreadPoolExecutor(job.readers))

    def __enter__(self) -> PartWorker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def predict(self, part: Part) -> tuple[int, int]:
        """Write the file of a part; returns how many images it has, and how many of them could not
        be read."""
        read = zip(part.files, self._pool.map(self._read, part.files), strict=True)
        rows: list[ImageRow] = []
        while batch := list(islice(read, BATCH)):
            rows += self._rows(batch)
        table = table_of(rows, self.job.embeddings)
        write_whole(table_bytes(table), f"{self.job.out}/{part.name}", self.job.target)
        return len(rows), sum(bool(row.problem) for row in rows)

    def _read(self, file: Listed) -> ReadPixels | str:
        """The pixels of a file, or why it cannot be read."""
        reader = self._readers.get()
        try:
            if isinstance(self.job.source, pafs.LocalFileSystem):
                return reader.read(file.path, self.job.steps)
            return self._read_remote(reader, file)
        except DataError as error:
            return unread_problem(file.path) or str(error)
        finally:
            self._readers.put(reader)

    def _read_remote(self, reader: PixelReader, file: Listed) -> ReadPixels:
        check_file_size(file.size)
        try:
            with self.job.source.open_input_stream(file.path) as stream:
                data = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise DataError(f"cannot be opened: {in_one_line(error)}") from None
        with tempfile.NamedTemporaryFile() as local:
            local.write(data)
            local.flush()
            return reader.read(local.name, self.job.steps)

    def _rows(self, batch: Sequence[tuple[Listed, ReadPixels | str]]) -> list[ImageRow]:
        readable = [read.pixels for _, read in batch if not isinstance(read, str)]
        if not readable:
            return [ImageRow(file.shown, str(read)) for file, read in batch]
        found = self._predictor.classify(np.stack(readable))
        rows, number = [], 0
        for file, read in batch:
            if isinstance(read, str):
                rows.append(ImageRow(file.shown, read))
                continue
            rows.append(self._row(file, read, number, *found))
            number += 1
        return rows

    def _row(
        self,
        file: Listed,
        read: ReadPixels,
        number: int,
        probabilities: np.ndarray,
        distances: np.ndarray | None,
        features: np.ndarray,
    ) -> ImageRow:
        chosen, scores = self.job.chosen, probabilities[number]
        best, novelty = int(scores.argmax()), self.job.novelty
        distance = None if distances is None else float(distances[number])
        known = self.job.known.get(read.content_hash) or self.job.known.get(read.pixel_hash)
        by_class = dict(zip(chosen.classes, scores.tolist(), strict=True))
        return ImageRow(
            path=file.shown,
            predicted=chosen.classes[best],
            probability=float(scores[best]),
            probabilities=scores.tolist(),
            at_operating_point=classes_reached(chosen.points, by_class),
            distance=distance,
            unlike=novelty.is_far(distance) if novelty and distance is not None else None,
            known_path=known[0] if known else None,
            known_part=known[1] if known else None,
            embedding=features[number] if self.job.embeddings else None,
        )
