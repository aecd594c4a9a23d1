"""What tests of the sweeper share: one small finished run, and an S3 to talk to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from datasets.decoding.decode import Picture, read_picture
from datasets.decoding.describe import Described
from datasets.decoding.readers import describe_files
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.results.tables import Outcome
from sweeper.run import pipeline
from sweeper.use.finished import FinishedRun, read_run
from tests.one_ray import S3_KEYS, OneRay

Bucket = Callable[[], str]


SMALL = [
    "split.policies=[pooled, grouped]",
    "grid.augmentations=[none]",
    "data.synthetic.images_per_class=6",
    "search.draws=1",
    "explain.examples=1",
    "explain.checked_images=3",
    "explain.max_steps=16",
    "explain.baselines=[black]",
    "explain.time_share=null",
    "cache.dtype=float32",
    "resources.cpus=1",  # every worker imports for 3 to 5 s
]


def run_small(store: str, out: Path) -> Outcome:
    """Four cells on drawn radiographs: a head and a fine-tuned suffix, of two splits each."""
    (out / "results").mkdir(parents=True, exist_ok=True)
    config = load_config("smoke", [f"store={store}", *SMALL])
    return pipeline.run_sweep(config, out, "python sweep.py run", Progress())


@pytest.fixture(scope="session")
def finished_run(sweeps: OneRay, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run of `run_small`; for reading only, whoever would change its store takes a copy."""
    folder = tmp_path_factory.mktemp("finished")
    assert run_small(str(folder / "store"), folder / "run").cells == {"done": 4}
    return read_run(folder / "run")


@pytest.fixture(scope="session")
def sweeps(one_ray: OneRay) -> Iterator[OneRay]:
    """Has the sweeps that tests run in this process share one Ray."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "ray_session", one_ray.session)
        yield one_ray


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[Bucket]:
    """Makes buckets of moto's server on loopback; returns their addresses as stores."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in S3_KEYS.items():
            environment.setenv(name, value)
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        numbers = count()

        def make() -> str:
            name = f"bucket-{next(numbers)}"
            client.create_bucket(Bucket=name)
            return f"s3://{name}/some/prefix?endpoint_override={host}:{port}&scheme=http"

        yield make
    server.stop()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are decoded from now on: their paths in the folder of the images, or
    "here" for one that is decoded in this process."""
    paths: list[str] = []

    def describe(root: str, wanted: Sequence[str]) -> Iterator[tuple[str, Described]]:
        for path, described in describe_files(root, wanted):
            paths.append(path)
            yield path, described

    def read_here(data: bytes) -> Picture:
        paths.append("here")
        return read_picture(data)

    monkeypatch.setattr("sweeper.plan.descriptions.describe_files", describe)
    monkeypatch.setattr("datasets.decoding.decode.read_picture", read_here)
    return paths
