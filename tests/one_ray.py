"""One Ray for all tests of a process.

Starting a Ray takes 4 to 8 s, and each of its workers 3 to 5 s of imports; every test that can
shares one. Tests that kill or interrupt a whole run start theirs in a process of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import ray
from ray.util.placement_group import placement_group, remove_placement_group

from sweeper.ray import session
from sweeper.ray.session import DEFAULT_RETRIES, Resources

ROOT = Path(__file__).parents[1]
FAULTS = ROOT / "tests" / "sweeper" / "faults"
CPUS = 2
_SHUTDOWN_S = 30.0
S3_KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}


class OneRay:
    """A Ray of two processors and no GPU with everything that a session of the project may have:
    drivers of several workers, an account on the tests' S3, and faults on request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_started = False

    def start(self) -> None:
        """Start it, the first time that it is wanted."""
        if self._is_started:
            return
        with pytest.MonkeyPatch.context() as environment:
            environment.delenv("RAY_ADDRESS", raising=False)
            for name, value in self._environment().items():
                environment.setenv(name, value)
            session._start_ray(CPUS, many=True)
        self._is_started = True

    def end(self) -> None:
        """Shut it down. Ray may wait for its servers for ever: then they are killed."""
        if not self._is_started:
            return
        shutdown = threading.Thread(target=ray.shutdown, daemon=True)
        shutdown.start()
        shutdown.join(_SHUTDOWN_S)
        if shutdown.is_alive():
            atexit.unregister(ray.shutdown)
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            shutdown.join(_SHUTDOWN_S)
        self._is_started = False

    @contextmanager
    def session(
        self,
        cpus: int | None,
        gpus_per_trial: float | None,
        workers_per_trial: int,
        retries: int = DEFAULT_RETRIES,
    ) -> Iterator[Resources]:
        """What stands in for `sweeper.ray.session.ray_session`."""
        self.start()
        found = session._resources(gpus_per_trial, workers_per_trial, retries)
        wanted = min(cpus or CPUS, CPUS)
        with _held_back(CPUS - wanted):
            yield replace(found, cpus=wanted)

    @contextmanager
    def faults(self, rules: Sequence[Mapping[str, object]]) -> Iterator[Counter[str]]:
        """Workers have these faults in the block; at its end the counter holds how often each
        happened, by its line in the log. See `tests/sweeper/faults/sitecustomize.py`."""
        log = self.folder / "faults.log"
        self._rules.write_text(json.dumps(rules))
        happened: Counter[str] = Counter()
        try:
            yield happened
        finally:
            self._rules.unlink()
            if log.exists():
                happened.update(log.read_text().splitlines())
                log.unlink()

    @property
    def _rules(self) -> Path:
        return self.folder / "faults.json"

    def _environment(self) -> dict[str, str]:
        paths = [str(FAULTS), str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "SWEEPER_FAULTS": str(self._rules),
            "SWEEPER_FAULTS_LOG": str(self.folder / "faults.log"),
            "SWEEPER_CACHE": str(self.folder / "cache"),
            **S3_KEYS,
        }


@contextmanager
def _held_back(cpus: int) -> Iterator[None]:
    """So many processors are nobody's in the block."""
    if not cpus:
        yield
        return
    group = placement_group([{"CPU": float(cpus)}])
    assert group.wait(60), "an earlier test left its processors taken"
    try:
        yield
    finally:
        remove_placement_group(group)
