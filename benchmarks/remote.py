"""What a driver that starts waits for a remote store: one question at a time, and many at once.

python -m benchmarks remote [--trials 600] [--delay-ms 20]

moto's S3 on loopback, every answer of which is held back: S3 takes 10 to 50 ms. The server is one
Python process, 4 ms a request here, so what many at once take is mostly its own time.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from benchmarks.report import tell
from benchmarks.scale import CELLS_OF_SEED, DRAWS, config_of, planned, write
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.store import store as store_module
from sweeper.store.store import Store


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks remote", description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--delay-ms", type=float, default=20)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch, _s3() as (address, slow):
        config = config_of(Path(scratch), max(1, options.trials // (CELLS_OF_SEED * DRAWS)))
        config = config.model_copy(update={"store": address})
        store = Store(config.store)
        plan = planned(config, collect(config.data, store), store)
        ledger = Ledger(plan)
        for strategy in ("transfer", "finetune"):
            write(ledger, ledger.needing([c for c in plan.cells if c.strategy == strategy]))
        slow.delay_s = options.delay_ms / 1000
        rows = [_asked(plan, slow, at_once) for at_once in (1, store_module.CONCURRENT_READS)]
    tell("remote", rows, {"delay_ms": options.delay_ms})


def _asked(plan: Any, slow: Slow, at_once: int) -> dict[str, Any]:
    """Which trials need running: none."""
    store_module.CONCURRENT_READS = at_once
    before, started = slow.requests, time.perf_counter()
    ledger = Ledger(plan)
    assert not ledger.needing(plan.cells)
    return {
        "at_once": at_once,
        "trials": sum(len(ledger.trials(cell)) for cell in plan.cells),
        "requests": slow.requests - before,
        "seconds": time.perf_counter() - started,
    }


class Slow:
    """moto's application, each of whose answers comes later. `requests`: how many there were."""

    def __init__(self, application: Any) -> None:
        self.application, self.delay_s, self.requests = application, 0.0, 0

    def __call__(self, environment: dict[str, Any], start: Any) -> Iterable[bytes]:
        self.requests += 1
        time.sleep(self.delay_s)
        answer: Iterable[bytes] = self.application(environment, start)
        return answer


@contextmanager
def _s3() -> Iterator[tuple[str, Slow]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ |= {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
    slow = Slow(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, slow, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    client = boto3.client("s3", endpoint_url=f"http://{host}", region_name="us-east-1")
    client.create_bucket(Bucket="benchmark")
    yield f"s3://benchmark/store?endpoint_override={host}&scheme=http", slow
    server.shutdown()
