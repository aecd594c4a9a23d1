"""Extract activation tables from image shards: one pass of every row through each frozen backbone.

One pool of workers serves all passes, so that every processor or GPU has work until the last rows
(`extraction_order`). Workers write the parts themselves (`extractor`); only their index is
returned, with the sums of the files. One pass writes both tables of a backbone, and is finished,
while others go on, as soon as its rows are there.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import ray

from datasets.file_sums import FileSum, SummedFile
from datasets.ray_data import errors_of_lost_work
from datasets.shards import ShardRows, consecutive_rows
from trainables.extraction_order import Order, Unit, Work
from trainables.extractor import INDEX, ON_CPU, ON_GPU, PART, Extraction, Extractor
from trainables.stored_backbone import StoredBackbone

_INDEX_FILE = "index.parquet"
_FINISHED_AT_ONCE = 2  # passes whose files are flushed while others are computed


@dataclass(frozen=True)
class Pass:
    """All rows of a folder of image shards through a backbone."""

    shards: str
    backbone: StoredBackbone
    rows: int
    cost: float  # of a row, as a multiple of any unit


@dataclass
class Written:
    """What a pass has written."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0  # of its workers, summed

    @property
    def rows(self) -> int:
        return sum(map(len, self.parts))


Sums = dict[str, dict[str, FileSum]]
"""The sums of the files of tables, by folder and name."""


class ExtractionError(RuntimeError):
    """A pass does not continue, or its workers die repeatedly."""


def extract(
    passes: Sequence[Pass],
    filesystem: pafs.FileSystem,
    begin: Callable[[int], Extraction | None],
    finish: Callable[[int, Sums, float], None],
    *,
    workers: int,
    gpus_per_worker: float = 0.0,
    again: Callable[[str, str], bool] = lambda unit, reason: False,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Run every row of each pass through its backbone and write the tables.

    Args:
        begin: called with the number of a pass before its first rows are computed; returns where to
            write them, or None if the pass is no longer wanted.
        finish: called, in another thread, with the number of a pass, the sums of its files, from
            those who wrote them, and the seconds that its workers took together.
        again: called with the name of some rows and Ray's reason when the worker that had them has
            died; returns whether another one tries. Images that kill every worker must end the run.
        on_progress: called with the rows written so far, of all passes.

    Raises:
        ExtractionError: rows that are not tried again, or activations that do not fit.
        RuntimeError: the number of rows written is not that of the pass; no row is dropped
            silently.
    """
    pool = _Pool(passes, filesystem, begin, finish, workers, gpus_per_worker, again, on_progress)
    pool.run()


@dataclass(eq=False)
class _Worker:
    """An actor, and when it was ready or gave its last result."""

    actor: Any
    since: float = 0.0
    is_gone: bool = False


class _Running(NamedTuple):
    """A call of a worker; unit None: its preparation."""

    worker: _Worker
    unit: Unit | None


class _Pool:
    """The workers, and what they have been given."""

    def __init__(
        self,
        passes: Sequence[Pass],
        filesystem: pafs.FileSystem,
        begin: Callable[[int], Extraction | None],
        finish: Callable[[int, Sums, float], None],
        workers: int,
        gpus_per_worker: float,
        again: Callable[[str, str], bool],
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self.passes, self.filesystem, self.workers = passes, filesystem, workers
        self.begin, self.finish, self.again, self.on_progress = begin, finish, again, on_progress
        self.batching = ON_GPU if gpus_per_worker else ON_CPU
        self.actor = ray.remote(Extractor).options(
            num_cpus=1,
            num_gpus=gpus_per_worker or None,
            max_restarts=0,  # another one is started, which may be on another machine
            max_concurrency=self.batching.units_at_once,
        )
        self.units = self._units()
        self.order = Order(
            [
                Work(len(units), one.cost * self.batching.rows)
                for one, units in zip(passes, self.units, strict=True)
            ]
        )
        self.written = [Written() for _ in passes]
        self.begun: dict[int, Extraction | None] = {}
        self.running: dict[ray.ObjectRef[Any], _Running] = {}
        self.alive: list[_Worker] = []

    def run(self) -> None:
        finishing: list[Future[None]] = []
        with ThreadPoolExecutor(_FINISHED_AT_ONCE) as threads:
            try:
                self._employ()
                while self.running:
                    ready, _ = ray.wait(list(self.running), num_returns=1)
                    done = self._collect(ready[0])
                    if done is not None:
                        finishing.append(threads.submit(self._finish, done))
                    for future in [one for one in finishing if one.done()]:
                        future.result()
                    self._employ()
            finally:
                for worker in self.alive:
                    self._end(worker)
        for future in finishing:
            future.result()

    def _units(self) -> list[list[list[ShardRows]]]:
        """The rows of each unit of each pass."""
        folders = dict.fromkeys(one.shards for one in self.passes)
        rows = {
            folder: consecutive_rows(folder, self.filesystem, self.batching.rows)
            for folder in folders
        }
        return [rows[one.shards] for one in self.passes]

    def _employ(self) -> None:
        """Start workers as long as there is work for another one; end those without any."""
        busy = {running.worker for running in self.running.values()}
        for worker in [one for one in self.alive if one not in busy]:
            self._end(worker)
        while len(self.alive) < min(self.workers, len(self.alive) + self.order.waiting):
            worker = _Worker(self.actor.remote(self.filesystem))
            self.alive.append(worker)
            self.running[worker.actor.prepare.remote()] = _Running(worker, None)

    def _end(self, worker: _Worker) -> None:
        worker.is_gone = True
        self.order.forget(worker)
        with suppress(ValueError):
            self.alive.remove(worker)
        with suppress(Exception):  # Ray itself may be gone
            ray.kill(worker.actor)

    def _collect(self, reference: ray.ObjectRef[Any]) -> int | None:
        """Take a result, and give the worker further units. Returns the number of a pass that is
        complete."""
        worker, unit = self.running.pop(reference)
        try:
            index = ray.get(reference)
        except errors_of_lost_work(ray.exceptions.RayActorError) as error:
            self._lost(worker, unit, " ".join(f"{type(error).__name__}: {error}".split()))
            return None
        except ray.exceptions.OutOfMemoryError:  # its text contains all users' command lines
            self._lost(worker, unit, "this machine is out of memory")
            return None
        done = None if unit is None else self._record(worker, unit, index)
        worker.since = time.perf_counter()
        self._give(worker)
        return done

    def _give(self, worker: _Worker) -> None:
        """Units for the worker, as many as it handles at once or, near the end, as leave others
        their share."""
        has = Counter(running.worker for running in self.running.values())[worker]
        share = math.ceil(self.order.waiting / max(1, len(self.alive)))
        while has < min(share, self.batching.units_at_once) and not worker.is_gone:
            unit = self.order.take(worker)
            if unit is None:
                return
            has += self._start(worker, unit)

    def _start(self, worker: _Worker, unit: Unit) -> bool:
        """Have the worker compute a unit; False if its pass is no longer wanted."""
        if unit.of_pass not in self.begun:
            self.begun[unit.of_pass] = self.begin(unit.of_pass)
        extraction = self.begun[unit.of_pass]
        if extraction is None:
            self.order.drop(unit.of_pass)
            return False
        backbone, rows = self.passes[unit.of_pass].backbone, self.units[unit.of_pass][unit.number]
        run = worker.actor.run.options(name=f"extract: {self._name(unit)}")
        reference = run.remote(unit.of_pass, backbone, extraction, rows)
        self.running[reference] = _Running(worker, unit)
        return True

    def _record(self, worker: _Worker, unit: Unit, table: pa.Table) -> int | None:
        index = table.to_pandas()
        for problem in filter(None, index["problem"]):
            raise ExtractionError(problem)
        written = self.written[unit.of_pass]
        written.parts.append(index.drop(columns="problem"))
        written.seconds += time.perf_counter() - worker.since
        if self.on_progress:
            self.on_progress(sum(one.rows for one in self.written))
        return unit.of_pass if len(written.parts) == len(self.units[unit.of_pass]) else None

    def _lost(self, worker: _Worker, unit: Unit | None, reason: str) -> None:
        """A worker is gone: what it had is tried again, or ends the extraction. Of several units
        that it had, the death is counted for one."""
        is_known = worker.is_gone
        if not is_known:
            self._end(worker)
        if not is_known and not self.again(self._name(unit), reason):
            raise ExtractionError(f"{self._name(unit)}: the worker died each time: {reason}")
        if unit:
            self.order.put_back(unit)

    def _name(self, unit: Unit | None) -> str:
        """As it is shown on Ray's dashboard and in errors."""
        if unit is None:
            return "no rows yet"
        one, each = self.passes[unit.of_pass], self.batching.rows
        first = unit.number * each
        return f"{one.backbone.name}, rows {first + 1} to {min(one.rows, first + each)}"

    def _finish(self, number: int) -> None:
        written, extraction = self.written[number], self.begun[number]
        assert extraction is not None
        index = pd.concat(written.parts, ignore_index=True)
        sums = write_index(index, self.passes[number].rows, extraction, self.filesystem)
        self.finish(number, sums, written.seconds)


def write_index(
    index: pd.DataFrame, rows: int, extraction: Extraction, filesystem: pafs.FileSystem
) -> Sums:
    """Write the index of a pass into its tables; returns the sums of all of their files.

    Raises RuntimeError if there is not each of `rows` rows, once.
    """
    distinct = len(index.drop_duplicates(["image_id", "copy"]))
    if len(index) != rows or distinct != rows:
        raise RuntimeError(
            f"extraction returned {len(index)} rows, {distinct} of them distinct, not {rows}"
        )
    index = index.sort_values(["image_id", "copy"], ignore_index=True)
    table = pa.Table.from_pandas(index[INDEX.names], preserve_index=False)
    files = index.drop_duplicates("part")
    sums: Sums = {}
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
        if info.base_name.startswith(PART) and info.base_name not in parts:
            filesystem.delete_file(info.path)
