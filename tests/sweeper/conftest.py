"""An S3 to talk to: moto's server on loopback, over the real protocol."""

import logging
from collections.abc import Callable, Iterator
from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer

Bucket = Callable[[], str]


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[Bucket]:
    """Makes buckets; returns their addresses as stores."""
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
