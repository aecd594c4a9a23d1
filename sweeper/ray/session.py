"""Open a Ray session, local or on a cluster, without Ray's output, and report its resources."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import ray

from sweeper.errors import ResourceError
from sweeper.ray.cluster import (
    known_limits,
    most_resources,
    release_orphaned_placement_groups,
    workers_environment,
)
from sweeper.ray.interrupts import RayWatch, keeping_signal_handlers
from sweeper.ray.reachable import check_ray, cluster_address, unreachable
from sweeper.ray.supervisor import RESUME_HINT
from trainables.stream import CPUS_OF_TRAINING

_PROJECT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
    # How long Ray looks for the reason why an actor is gone. The default, 1 s, is too short to
    # notice the death of a whole machine.
    "RAY_timeout_ms_task_wait_for_death_info": "60000",
}
DRIVER = "trial_driver"  # custom resource: a trial that only drives workers takes no CPU
DRIVERS = 64
_OPEN = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
DEFAULT_RETRIES = 2
_WORKER_BYTES = 0.9e9  # of a worker with torch and its trial: where memory is short, fewer start


@dataclass(frozen=True)
class Resources:
    """A session's resources, and those of a trial."""

    cpus: int
    gpus: float
    gpus_per_trial: float
    workers_per_trial: int
    retries: int  # of a trial or task whose process died
    memory_per_trial: float = 0.0  # bytes that Ray sets aside; 0: it is not asked
    checkpoint_s: float | None = None  # between two checkpoints of a trial; None: there are none

    @property
    def slots(self) -> int:
        """Trials or tasks that run at once."""
        if self.gpus_per_trial:
            return max(1, int(self.gpus / self.gpus_per_trial))
        return max(1, self.cpus)

    def of_extraction(self) -> tuple[int, float]:
        """Workers of the extraction and the GPUs of each: one a GPU, however trials share it."""
        if self.gpus_per_trial:
            return max(1, min(int(self.gpus), self.cpus)), 1.0
        return max(1, self.cpus), 0.0

    def of_task(self) -> dict[str, float]:
        return {
            "num_cpus": 1,
            "num_gpus": self.gpus_per_trial,
            "memory": self.memory_per_trial,
        }


@contextmanager
def ray_session(
    cpus: int | None,
    gpus_per_trial: float | None,
    workers_per_trial: int,
    retries: int = DEFAULT_RETRIES,
) -> Iterator[Resources]:
    """A Ray of our own on this machine, or the cluster that RAY_ADDRESS names.

    Raises ResourceError if a GPU is wanted and there is none, if no Ray can be joined or started,
    and if Ray itself dies.
    """
    this, others = psutil.Process(), psutil.Process().children()
    with keeping_signal_handlers():
        _start_ray(cpus, many=workers_per_trial > 1)
    watch = RayWatch({*this.children()} - {*others})
    resources = _resources(gpus_per_trial, workers_per_trial, retries)
    try:
        with watch, _silence_ray_output():
            yield resources
    except KeyboardInterrupt:
        if not watch.is_to_blame:
            raise
        raise ResourceError(
            f"Ray's {watch.died} died (killed, or this machine is out of memory); {RESUME_HINT}"
        ) from None
    finally:
        watch.end_ray()


def _start_ray(cpus: int | None, many: bool) -> None:
    os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # we report failed trials
    # A thread that outlives ray.shutdown would start another Ray by its next call (ray#31060).
    ray._private.auto_init_hook.enable_auto_connect = False
    check_ray()
    if address := cluster_address():
        environment = workers_environment(_PROJECT, _ENVIRONMENT)
        try:
            ray.init(address=address, runtime_env=environment, **quiet)
        except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
            raise unreachable(address, error) from None  # another version, no token
        if many:
            _check_drivers(address)
            release_orphaned_placement_groups()
    else:
        _put_first_on_path(str(_PROJECT))
        with _staying_on_loopback():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=many,  # without it an inner Ray Train run leaks (ray#54305)
                resources={DRIVER: DRIVERS} if many else None,
                **quiet,
            )


def _check_drivers(address: str) -> None:
    """Raises ResourceError if no node of the cluster may drive trials of several workers, which
    would wait for one forever. A trial takes up to `DRIVERS` of the resource."""
    drivers = most_resources(ray.cluster_resources()).get(DRIVER, 0.0)
    if drivers < DRIVERS:
        raise ResourceError(
            f"RAY_ADDRESS='{address}': the cluster has {drivers:g} of the resource {DRIVER}, of "
            f"which trials of several workers take up to {DRIVERS}; start its head with "
            f"ray start --head --resources='{{\"{DRIVER}\": {DRIVERS}}}', or set "
            "resources.workers_per_trial=1"
        )


@contextmanager
def _staying_on_loopback() -> Iterator[None]:
    """A Ray started in the block listens on 127.0.0.1 only. By default it listens to the network
    and runs whatever it is sent. This is Ray's own switch for macOS and Windows (ray#18730);
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=1 keeps the ports open."""
    if _OPEN in os.environ:
        yield
        return
    constants = ray._private.ray_constants
    before = constants.ENABLE_RAY_CLUSTER
    os.environ[_OPEN], constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        del os.environ[_OPEN]
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _silence_ray_output() -> Iterator[None]:
    """Even with `log_to_driver=False`, Ray prints the deaths of its processes, with pages of logs
    and the command lines of other processes (ray#29555). We report them in one line, or in the
    tables."""
    module = ray._private.worker
    before = module.print_to_stdstream
    module.print_to_stdstream = lambda *_, **__: None
    try:
        yield
    finally:
        module.print_to_stdstream = before


def _put_first_on_path(folder: str) -> None:
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if folder not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, paths)])


def _resources(gpus_per_trial: float | None, workers_per_trial: int, retries: int) -> Resources:
    is_cluster = cluster_address() is not None
    there = most_resources(ray.cluster_resources()) if is_cluster else ray.cluster_resources()
    # An autoscaler starts GPU nodes on request; unless its limits are known, they are waited for.
    is_final = not is_cluster or bool(known_limits())
    cpus, gpus = int(there.get("CPU", 1)), there.get("GPU", 0.0)
    sees, here = ("the cluster has at most", "") if is_cluster else ("Ray sees", " here")
    wanted = float(gpus > 0) if gpus_per_trial is None else gpus_per_trial
    if wanted > gpus and is_final:
        raise ResourceError(
            f"resources.gpus_per_trial={wanted:g}: {sees} {gpus:g} GPUs{here}; "
            "set resources.gpus_per_trial=0 to run on the CPU"
        )
    fit = gpus if wanted else cpus / CPUS_OF_TRAINING
    if workers_per_trial > max(1, fit) and is_final:
        raise ResourceError(
            f"resources.workers_per_trial={workers_per_trial}: {sees} {cpus} CPUs and {gpus:g} "
            f"GPUs{here}, enough for {int(fit)} workers"
        )
    # The nodes that an autoscaler may start do not all state their memory: it would start none.
    memory = 0.0 if is_cluster else min(_WORKER_BYTES, there.get("memory", 0.0))
    return Resources(cpus, gpus, wanted, workers_per_trial, retries, memory)
