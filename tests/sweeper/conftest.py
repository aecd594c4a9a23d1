"""What tests of the sweeper share: one small finished run, and an S3 to talk to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sweeper.configuration.file import load_config
from sweeper.models.finished import FinishedRun, read_run
from sweeper.pipeline import run_sweep
from sweeper.progress import Progress

Bucket = Callable[[], str]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Two cells, a head and a fine-tuned suffix, of two splits each, on drawn radiographs."""
    folder = tmp_path_factory.mktemp("finished")
    wanted = [
        f"store={folder / 'store'}",
        "split.policies=[pooled, grouped]",
        "grid.augmented=[false]",
        "data.synthetic.images_per_class=6",
        "search.draws=1",
        "explain.examples=0",
        "cache.dtype=float32",
    ]
    (folder / "run" / "results").mkdir(parents=True)
    run_sweep(load_config("smoke", wanted), folder / "run", "python sweep.py run", Progress())
    return read_run(folder / "run")


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[Bucket]:
    """Makes buckets of moto's server on loopback; returns their addresses as stores."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "a-key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        numbers = count()

        def make() -> str:
            name = f"bucket-{next(numbers)}"
            client.create_bucket(Bucket=name)
            return f"s3://{name}/some/prefix?endpoint_override={host}:{port}&scheme=http"

        yield make
    server.stop()
