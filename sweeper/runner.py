"""Ray's session, and trials run by Tune.

Trials are plain functions on reused actors (0.03 s of overhead each); a fine-tuning trial on
several workers starts Ray Train inside its Tune trial. A trial writes its own artifact; what ends
without one (stopped by the scheduler, a worker that died) is the recorder's.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
from ray import tune

from sweeper.asha import CellAsha
from sweeper.engine.cluster import (
    give_back_what_the_dead_reserved,
    most_resources,
    workers_environment,
)
from sweeper.engine.interrupts import RayWatch, keeping_signal_handlers
from sweeper.engine.recorder import Recorder
from sweeper.errors import ResourceError
from sweeper.spec import TrialSpec
from sweeper.storage.refusals import raise_refusal
from sweeper.trial import report_if_done, run_trial, training_dataset
from trainables.distributed import distribute, is_first_worker, run_workers, worker_stream
from trainables.stream import CPUS_OF_TRAINING

PROJECT = Path(__file__).resolve().parent.parent
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
    # So long Ray looks for why an actor is gone before it says no more than that it is: by 1 s, the
    # default, the death of a whole machine is not noticed yet.
    "RAY_timeout_ms_task_wait_for_death_info": "60000",
}
_DRIVER = "trial_driver"  # custom resource: a trial that only drives workers holds no CPU
_DRIVERS = 64
_OPEN = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
DEFAULT_RETRIES = 2
_AT_A_TIME = 1000  # trials


@dataclass(frozen=True)
class Resources:
    """What a session has and what a trial takes."""

    cpus: int
    gpus: float
    gpus_per_trial: float
    workers_per_trial: int
    retries: int  # of a trial or task whose process died

    @property
    def slots(self) -> int:
        """Trials or tasks that run at once."""
        if self.gpus_per_trial:
            return max(1, int(self.gpus / self.gpus_per_trial))
        return max(1, self.cpus)

    def of_task(self) -> dict[str, float]:
        return {"num_cpus": 1, "num_gpus": self.gpus_per_trial}


@contextmanager
def ray_session(
    cpus: int | None,
    gpus_per_trial: float | None,
    workers_per_trial: int,
    retries: int = DEFAULT_RETRIES,
) -> Iterator[Resources]:
    """A Ray of our own on this machine, or the cluster that RAY_ADDRESS names.

    Raises ResourceError when a GPU is asked for and there is none, and where Ray itself dies.
    """
    with keeping_signal_handlers():
        _start_ray(cpus, many=workers_per_trial > 1)
    resources = _resources(gpus_per_trial, workers_per_trial, retries)
    watch = RayWatch()
    try:
        with watch, _without_words_of_ray():
            yield resources
    except KeyboardInterrupt:
        if not watch.died:
            raise
        raise ResourceError(
            f"Ray's {watch.died} died (killed, or this machine is out of memory); what is finished "
            "is kept, and the same command goes on from there"
        ) from None
    finally:
        if watch.died:
            watch.abandon()
        else:
            ray.shutdown()


def _start_ray(cpus: int | None, many: bool) -> None:
    os.environ.update({name: os.environ.get(name, value) for name, value in _ENVIRONMENT.items()})
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failed trials are ours to tell
    # A thread still at work after ray.shutdown would start another Ray by its next call.
    ray._private.auto_init_hook.enable_auto_connect = False
    address = os.environ.get("RAY_ADDRESS")
    if address:
        ray.init(address=address, runtime_env=workers_environment(PROJECT, _ENVIRONMENT), **quiet)
        if many:
            give_back_what_the_dead_reserved()
    else:
        _put_first_on_path(str(PROJECT))
        with _staying_on_loopback():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=many,  # without it an inner Ray Train run leaks (ray#54305)
                resources={_DRIVER: _DRIVERS} if many else None,
                **quiet,
            )


@contextmanager
def _staying_on_loopback() -> Iterator[None]:
    """A Ray that is started in the block listens on 127.0.0.1 only, where by default it listens to
    the network and runs what anyone sends. Ray does so by itself on macOS and Windows, by this
    switch; RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=1 keeps it open."""
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
def _without_words_of_ray() -> Iterator[None]:
    """Whatever `log_to_driver` says, Ray prints what befalls its processes, with pages of its logs
    and everybody's command lines. We tell it in one line, or in the tables."""
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
    may_grow = bool(os.environ.get("RAY_ADDRESS"))
    there = most_resources(ray.cluster_resources()) if may_grow else ray.cluster_resources()
    cpus, gpus = int(there.get("CPU", 1)), there.get("GPU", 0.0)
    wanted = float(gpus > 0) if gpus_per_trial is None else gpus_per_trial
    if wanted > gpus and not may_grow:  # an autoscaler starts GPU nodes once they are asked for
        raise ResourceError(
            f"resources.gpus_per_trial={wanted:g}: Ray sees {gpus:g} GPUs here; "
            "set resources.gpus_per_trial=0 to run on the CPU"
        )
    fit = gpus if wanted else cpus / CPUS_OF_TRAINING
    if workers_per_trial > max(1, fit) and not may_grow:
        raise ResourceError(
            f"resources.workers_per_trial={workers_per_trial}: Ray sees {cpus} CPUs and {gpus:g} "
            f"GPUs here, enough for {int(fit)} workers"
        )
    return Resources(cpus, gpus, wanted, workers_per_trial, retries)


def run_trials(
    specs: Sequence[TrialSpec],
    scheduler: CellAsha,
    resources: Resources,
    on_end: Callable[[str, str], None],
) -> None:
    """Run trials to their end in the order given, those on cached rows before those that train end
    to end, and again those that died as far as `resources.retries` allows; `on_end` is told each
    one's key and state."""
    for end_to_end in (False, True):
        chosen = {spec.key: spec for spec in specs if spec.is_end_to_end == end_to_end}
        recorder = Recorder(chosen, scheduler, on_end, resources.retries)
        while chosen:
            _run_alike(chosen, scheduler, resources, recorder)
            chosen = recorder.to_repeat()


def _run_alike(
    specs: Mapping[str, TrialSpec], scheduler: CellAsha, resources: Resources, recorder: Recorder
) -> None:
    """Run trials that take the same resources."""
    configs = [{"key": key, "spec": spec.to_json()} for key, spec in specs.items()]
    one = next(iter(specs.values()))
    distributed = resources.workers_per_trial > 1 and (
        one.is_end_to_end or one.strategy == "finetune"
    )
    cpus = CPUS_OF_TRAINING if one.is_end_to_end else 1.0
    takes = {"cpu": cpus, "gpu": resources.gpus_per_trial}
    with tempfile.TemporaryDirectory(prefix="sweeper-train-") as scratch:
        work: Callable[[dict[str, Any]], None] = _run_here
        if distributed:
            work, takes = _driver(resources, Path(scratch)), {_DRIVER: _share(resources)}
        run_configs(work, configs, scheduler, takes, [recorder], reuse_actors=not distributed)


def run_configs(
    work: Callable[[dict[str, Any]], None],
    configs: Sequence[dict[str, Any]],
    scheduler: CellAsha,
    takes: Mapping[str, float],
    callbacks: list[tune.Callback],
    *,
    reuse_actors: bool,
) -> None:
    """Tune's part: run `work({"trial": config})` for each config, each taking resources `takes`.

    So many at a time: for each result Tune goes over all trials that it holds. One Tuner for 6,000
    takes 54 ms of its processor time a trial, one for 600 takes 18.
    """
    for first in range(0, len(configs), _AT_A_TIME):
        batch = configs[first : first + _AT_A_TIME]
        _run_batch(work, batch, scheduler, takes, callbacks, reuse_actors)


def _run_batch(
    work: Callable[[dict[str, Any]], None],
    configs: Sequence[dict[str, Any]],
    scheduler: CellAsha,
    takes: Mapping[str, float],
    callbacks: list[tune.Callback],
    reuse_actors: bool,
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="sweeper-tune-") as scratch,
        _refusals_of_tune(),
    ):
        tune.Tuner(
            tune.with_resources(work, dict(takes)),
            param_space={"trial": tune.grid_search(list(configs))},
            tune_config=tune.TuneConfig(
                scheduler=scheduler,
                reuse_actors=reuse_actors,
                trial_name_creator=lambda trial: trial.trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name="trials", storage_path=scratch, verbose=0, callbacks=callbacks
            ),
        ).fit()


@contextmanager
def _refusals_of_tune() -> Iterator[None]:
    """A callback's StoreError, which Tune wraps in its own."""
    try:
        yield
    except tune.TuneError as error:
        raise_refusal(str(error))
        raise


def _share(resources: Resources) -> float:
    """What a distributed trial takes of the drivers' resource, so that as many run at once as all
    their workers fit."""
    units = resources.gpus if resources.gpus_per_trial else resources.cpus
    return _DRIVERS / max(1, int(units // resources.workers_per_trial))


def _driver(resources: Resources, scratch: Path) -> Callable[[dict[str, Any]], None]:
    driver: Callable[[dict[str, Any]], None] = tune.with_parameters(
        _drive_workers,
        workers=resources.workers_per_trial,
        use_gpu=resources.gpus_per_trial > 0,
        scratch=scratch,
    )
    return driver


def _run_here(config: dict[str, Any]) -> None:
    run_trial(TrialSpec.from_json(config["trial"]["spec"]), tune.report)


def _drive_workers(config: dict[str, Any], workers: int, use_gpu: bool, scratch: Path) -> None:
    spec = TrialSpec.from_json(config["trial"]["spec"])
    if report_if_done(spec, tune.report):
        return
    run_workers(
        _run_as_worker,
        config["trial"]["spec"],
        workers=workers,
        use_gpu=use_gpu,
        name=config["trial"]["key"],
        scratch=scratch,
        dataset=training_dataset(spec, workers) if spec.is_end_to_end else None,
    )


def _run_as_worker(config: dict[str, Any]) -> None:
    spec = TrialSpec.from_json(config)
    run_trial(
        spec,
        ray.train.report,
        wrap=distribute,
        writes=is_first_worker(),
        workers=ray.train.get_context().get_world_size(),
        stream=worker_stream() if spec.is_end_to_end else None,
    )
