"""Run a fine-tuning trial on several workers: Ray Train around the same training loop.

The workers are DDP ranks (nccl on GPUs, gloo on CPUs). BatchNorm uses the global batch on both, so
that two workers compute the same as one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray.train
from ray.data import DataIterator, Dataset, ExecutionOptions
from ray.train import DataConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model
from ray.tune.integration.ray_train import TuneReportCallback
from torch import nn

from trainables.process_group import NodeNetwork
from trainables.stream import CPUS_OF_TRAINING
from trainables.synchronised_batchnorm import synchronise_batchnorm

_STREAM = "train"


def run_workers(
    work: Callable[[dict[str, Any]], None],
    config: dict[str, Any],
    *,
    workers: int,
    use_gpu: bool,
    name: str,
    scratch: Path,
    dataset: Dataset | None = None,
) -> None:
    """Run `work(config)` on every worker, from inside a Tune trial.

    Rank 0's `ray.train.report` reaches Tune. `dataset` is split among the workers, which get their
    shares with `worker_stream`. Errors of the workers are raised here.
    """
    resources = {"CPU": CPUS_OF_TRAINING, **({"GPU": 1.0} if use_gpu else {})}
    trainer = TorchTrainer(
        work,
        train_loop_config=config,
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=resources
        ),
        torch_config=NodeNetwork(),
        datasets={_STREAM: dataset} if dataset else None,
        dataset_config=DataConfig(execution_options=ExecutionOptions(preserve_order=True)),
        run_config=RunConfig(
            name=name,
            storage_path=str(scratch),
            # At run time these are Train V2's classes; the annotations are V1's.
            callbacks=[TuneReportCallback()],  # type: ignore[list-item]
            failure_config=FailureConfig(max_failures=0, controller_failure_limit=3),  # type: ignore[call-arg]
        ),
    )
    trainer.fit()


def worker_stream() -> DataIterator:
    """This worker's share of the data set given to `run_workers`."""
    share: DataIterator = ray.train.get_dataset_shard(_STREAM)
    return share


def distribute(module: nn.Module) -> nn.Module:
    """Wrap the module for DDP, with BatchNorm over the global batch."""
    wrapped: nn.Module = prepare_model(synchronise_batchnorm(module))
    return wrapped


def is_first_worker() -> bool:
    """Whether this is rank 0, the one that writes."""
    return bool(ray.train.get_context().get_world_rank() == 0)
