"""Run trials with Ray Tune.

Trials are plain functions on reused actors (0.03 s of overhead each); a fine-tuning trial on
several workers starts Ray Train inside its Tune trial. A trial writes its own artifact; the
recorder handles trials that end without one (stopped by the scheduler, or their worker died).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray.train
from ray import tune

from sweeper.plan.trial_spec import TrialSpec
from sweeper.ray.asha import CellAsha
from sweeper.ray.recorder import OnCurve, Recorder
from sweeper.ray.session import DRIVER, DRIVERS, Resources
from sweeper.run.trial import report_if_done, run_trial, training_dataset
from sweeper.store.refusals import raise_refusal
from trainables.stream import CPUS_OF_TRAINING

_AT_A_TIME = 1000  # trials


def run_trials(
    specs: Sequence[TrialSpec],
    scheduler: CellAsha,
    resources: Resources,
    on_end: Callable[[str, str], None],
    on_curve: OnCurve | None = None,
) -> None:
    """Run trials in the order given, those on cached rows before those that train end to end, and
    retry those that died as far as `resources.retries` allows; calls `on_end` with each trial's key
    and state, and `on_curve`, where it is given, with a trial and its curve after each epoch."""
    for end_to_end in (False, True):
        chosen = {spec.key: spec for spec in specs if spec.is_end_to_end == end_to_end}
        recorder = Recorder(chosen, scheduler, on_end, resources.retries, on_curve)
        while chosen:
            _run_alike(chosen, scheduler, resources, recorder)
            chosen = recorder.to_repeat()


def _run_alike(
    specs: Mapping[str, TrialSpec], scheduler: CellAsha, resources: Resources, recorder: Recorder
) -> None:
    """Run trials that take the same resources."""
    how = {
        "every_epoch": recorder.on_curve is not None,
        "checkpoint_s": resources.checkpoint_s,
    }
    configs = [{"key": key, "spec": spec.to_json(), **how} for key, spec in specs.items()]
    one = next(iter(specs.values()))
    distributed = resources.workers_per_trial > 1 and (
        one.is_end_to_end or one.entry.shares_workers
    )
    cpus = CPUS_OF_TRAINING if one.is_end_to_end else 1.0
    takes = {"cpu": cpus, "gpu": resources.gpus_per_trial, "memory": resources.memory_per_trial}
    with tempfile.TemporaryDirectory(prefix="sweeper-train-") as scratch:
        work: Callable[[dict[str, Any]], None] = train_trial
        if distributed:
            work, takes = _driver(resources, Path(scratch)), {DRIVER: _share(resources)}
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

    Trials are passed in batches, because Tune iterates over all of its trials for each result. A
    Tuner with 6,000 trials takes 54 ms of processor time per trial, one with 600 takes 18 ms.
    """
    trainable = tune.with_resources(work, dict(takes))
    how = tune.TuneConfig(
        scheduler=scheduler,
        reuse_actors=reuse_actors,
        trial_name_creator=lambda trial: trial.trial_id,
        trial_dirname_creator=lambda trial: trial.trial_id,
    )
    for first in range(0, len(configs), _AT_A_TIME):
        _run_batch(trainable, configs[first : first + _AT_A_TIME], how, callbacks)


def _run_batch(
    trainable: Any,
    configs: Sequence[dict[str, Any]],
    how: tune.TuneConfig,
    callbacks: list[tune.Callback],
) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="sweeper-tune-") as scratch,
        _refusals_of_tune(),
    ):
        tune.Tuner(
            trainable,
            param_space={"trial": tune.grid_search(list(configs))},
            tune_config=how,
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
    return DRIVERS / max(1, int(units // resources.workers_per_trial))


def _driver(resources: Resources, scratch: Path) -> Callable[[dict[str, Any]], None]:
    driver: Callable[[dict[str, Any]], None] = tune.with_parameters(
        train_trial_on_workers,
        workers=resources.workers_per_trial,
        use_gpu=resources.gpus_per_trial > 0,
        scratch=scratch,
    )
    return driver


def train_trial(config: dict[str, Any]) -> None:
    """Train one trial; Ray's dashboard shows its actor under this name."""
    trial = config["trial"]
    spec = TrialSpec.from_json(trial["spec"])
    run_trial(
        spec,
        tune.report,
        every_epoch=trial["every_epoch"],
        checkpoint_s=trial["checkpoint_s"],
    )


def train_trial_on_workers(
    config: dict[str, Any], workers: int, use_gpu: bool, scratch: Path
) -> None:
    """Have several workers train one trial."""
    spec = TrialSpec.from_json(config["trial"]["spec"])
    if report_if_done(spec, tune.report):
        return
    from trainables.distributed import run_workers

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
    from trainables.distributed import distribute, is_first_worker, worker_stream

    spec = TrialSpec.from_json(config)
    run_trial(
        spec,
        ray.train.report,
        wrap=distribute,
        writes=is_first_worker(),
        workers=ray.train.get_context().get_world_size(),
        every_epoch=True,  # a report is a meeting of all workers
        stream=worker_stream() if spec.is_end_to_end else None,
    )
