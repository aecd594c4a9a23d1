"""Predict many images to Parquet: small inputs in this process, others with Ray Data.

    out/part-<hash>.parquet   the rows of up to 256 images
    out/_predictions.json     which network, how many images, and the parts in order

A part appears whole or not at all, so the same command goes on where it was interrupted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from datasets.manifest import content_hash
from datasets.ray_data import errors_of_lost_work, prepare_ray_data
from sweeper.errors import ResourceError, StoreError
from sweeper.progress import Progress
from sweeper.ray.reachable import cluster_address
from sweeper.ray.session import Resources, ray_session
from sweeper.store.address import is_remote, open_address
from sweeper.store.refusals import in_one_line
from sweeper.store.store import Store
from sweeper.use.at_scale.listing import Part, Source, parts_of
from sweeper.use.at_scale.rows import write_whole
from sweeper.use.at_scale.worker import Job, Known, PartWorker
from sweeper.use.chosen import ChosenCell
from sweeper.use.finished import FinishedRun
from sweeper.use.known_images import KnownImages
from sweeper.use.novelty import Novelty
from trainables.device import assigned_device, local_device

WITHOUT_RAY = 1_024
"""Images up to which this process predicts alone, without starting Ray and its workers. Not tuned:
`python -m benchmarks predict` measures both ways."""

ABOUT = "_predictions.json"
"""Its name begins with an underscore, so that readers of the folder as one table skip it."""
_OURS = re.compile(rf"part-[0-9a-f]{{24}}\.parquet|{re.escape(ABOUT)}|\..*\.tmp")
_VERSION = 1  # of the rows


@dataclass(frozen=True)
class Outcome:
    """The counts of a prediction. `reused`: images whose part was there before."""

    images: int
    unreadable: int
    reused: int


def predict_to_parquet(
    run: FinishedRun,
    chosen: ChosenCell,
    store: Store,
    source: Source,
    out: str,
    embeddings: bool,
    progress: Progress,
    without_ray: int = WITHOUT_RAY,
) -> Outcome:
    """Predict all images of a source into the folder `out`, of this machine or a bucket.

    Raises:
        StoreError: `out` cannot be written to, or contains other files.
        ResourceError: workers die repeatedly.
    """
    target, folder = _open_out(out)
    job = _job(run, chosen, store, source, (target, folder), embeddings)
    parts = list(parts_of(source, _depends_on(job)))
    there = _existing(target, folder, out)
    missing = [part for part in parts if part.name not in there]
    done = sum(len(part.files) for part in parts) - sum(len(part.files) for part in missing)
    progress.start("predict", len(source.files), "images")
    progress.reach(done)
    reached = done
    for images in _predict(job, missing, without_ray):
        reached += images
        progress.reach(reached)
    unreadable = sum(_unreadable(target, folder, part) for part in parts)
    outcome = Outcome(len(source.files), unreadable, done)
    _conclude(job, parts, outcome, there)
    progress.finish(f"{done} there before" if done else "")
    return outcome


def _predict(job: Job, parts: Sequence[Part], without_ray: int) -> Iterator[int]:
    """Predict parts; yields how many images each of them has."""
    if not parts:
        return
    if sum(len(part.files) for part in parts) <= without_ray and not cluster_address():
        with PartWorker(job, local_device()) as worker:
            for part in parts:
                yield worker.predict(part)[0]
        return
    with ExitStack() as closing:
        resources = closing.enter_context(ray_session(None, None, 1))
        yield from _with_ray(job, parts, resources)


def _with_ray(job: Job, parts: Sequence[Part], resources: Resources) -> Iterator[int]:
    """One worker for each GPU or, without any, for each core; it reads and writes by itself."""
    import ray.data

    prepare_ray_data()
    slots = resources.slots
    workers = min(slots, len(parts))
    job = replace(job, readers=max(1, resources.cpus // slots))
    rows = [{"part": number} for number in range(len(parts))]
    counts = (
        ray.data.from_items(rows, override_num_blocks=len(rows))
        .map_batches(
            _Worker,
            fn_constructor_args=(ray.put(job), ray.put(list(parts))),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1,
            num_gpus=resources.gpus_per_trial or None,
            # By default Ray restarts without limit, and warns on stderr.
            ray_remote_args_fn=lambda: {"max_restarts": 0},
        )
        .iter_batches(batch_size=None, batch_format="numpy")
    )
    try:
        for block in counts:
            yield int(block["images"].sum())
    except errors_of_lost_work(ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError):
        raise ResourceError(
            "predict: a worker died (killed, or its machine is out of memory); finished parts are "
            "kept, run the same command again"
        ) from None


class _Worker:
    """An actor of the pool."""

    def __init__(self, job: Any, parts: Any) -> None:
        import ray

        self._parts: list[Part] = ray.get(parts)
        self._worker = PartWorker(ray.get(job), assigned_device())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        counts = [self._worker.predict(self._parts[number])[0] for number in batch["part"]]
        return {"images": counts}


def _job(
    run: FinishedRun,
    chosen: ChosenCell,
    store: Store,
    source: Source,
    target: tuple[pafs.FileSystem, str],
    embeddings: bool,
) -> Job:
    return Job(
        chosen=chosen,
        store=store.address,
        steps=run.preprocessing(chosen.cell.backbone),
        novelty=Novelty.of(run, chosen, store),
        known=_known(KnownImages(run, chosen, store)),
        source=source.filesystem,
        target=target[0],
        out=target[1],
        embeddings=embeddings,
    )


def _known(images: KnownImages) -> Known:
    """The run's images by the hashes of their bytes and of their pixels."""
    found: dict[str, tuple[str, str]] = {}
    for row in images.images.itertuples():
        one = (str(row.path), images.part_of(str(row.image_id)))
        found[str(row.pixel_hash)] = found[content_hash(str(row.image_id))] = one
    return found


def _depends_on(job: Job) -> dict[str, Any]:
    """What the rows of a part depend on beside its files."""
    threshold = job.novelty.threshold if job.novelty else None
    return {
        "version": _VERSION,
        "trial": job.chosen.spec.key,
        "classes": job.chosen.classes,
        "temperature": job.chosen.temperature,
        "thresholds": [point.threshold for point in job.chosen.points],
        "preprocessing": asdict(job.steps),
        "novelty": asdict(threshold) if threshold else None,
        "embeddings": job.embeddings,
    }


def _open_out(out: str) -> tuple[pafs.FileSystem, str]:
    address = out if is_remote(out) else str(Path(out).absolute())
    try:
        return open_address(address)
    except StoreError as error:
        raise StoreError(f"--parquet {str(error).removeprefix('store ')}") from None


def _existing(target: pafs.FileSystem, folder: str, out: str) -> set[str]:
    """The files of an earlier prediction in the folder; raises StoreError if it has others."""
    infos = target.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    names = {info.base_name for info in infos}
    others = sorted(name for name in names if not _OURS.fullmatch(name))
    if others:
        raise StoreError(f"--parquet '{out}': contains other files ({others[0]}); choose another")
    return names


def _unreadable(target: pafs.FileSystem, folder: str, part: Part) -> int:
    with target.open_input_file(f"{folder}/{part.name}") as file:
        column = pq.read_table(file, columns=["problem"])["problem"]
    return sum(bool(one) for one in column.to_pylist())


def _conclude(job: Job, parts: Sequence[Part], outcome: Outcome, there: set[str]) -> None:
    """Describe the parts, and remove those of other images or of another network."""
    names = [part.name for part in parts]
    about: Mapping[str, Any] = {
        "cell": job.chosen.cell.id,
        "test_accuracy": job.chosen.row["accuracy"],
        "operating_points": [asdict(point) for point in job.chosen.points],
        **_depends_on(job),
        **asdict(outcome),
        "parts": names,
    }
    data = (json.dumps(about, indent=1) + "\n").encode()
    try:
        write_whole(data, f"{job.out}/{ABOUT}", job.target)
        for name in there - {*names, ABOUT}:
            job.target.delete_file(f"{job.out}/{name}")
    except OSError as error:
        raise StoreError(f"--parquet '{job.out}': {in_one_line(error)}") from None
