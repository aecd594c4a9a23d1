"""Run a fine-tuning trial on several workers: Ray Train around the same training loop.

The workers are DDP ranks (nccl on GPUs, gloo on CPUs). BatchNorm uses the global batch on both, so
that two workers compute the same as one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray.train
import torch
from ray.data import DataIterator, Dataset, ExecutionOptions
from ray.train import DataConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model
from ray.tune.integration.ray_train import TuneReportCallback
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.process_group import NodeNetwork
from trainables.stream import CPUS_OF_TRAINING

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


def synchronise_batchnorm(module: nn.Module) -> nn.Module:
    """Replace every BatchNorm in `module` by one over the global batch, in place.

    Names, weights and buffers are kept, so that state dicts fit both.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, GlobalBatchNorm(child))
    return module


class GlobalBatchNorm(_BatchNorm):
    """A BatchNorm whose training statistics cover the rows of all ranks, on any backend.

    torch's SyncBatchNorm runs on GPUs only. Means are reduced first, then squared deviations from
    the global mean, to avoid cancellation; ranks may have different numbers of rows.
    """

    def __init__(self, layer: _BatchNorm) -> None:
        from timm.layers.norm_act import BatchNormAct2d  # seconds to import

        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        # timm's BatchNormAct2d includes its activation.
        following = [layer.drop, layer.act] if isinstance(layer, BatchNormAct2d) else []
        self.after = nn.Sequential(*following)
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        normalised = self._with_batch_statistics(x) if self.training else self._with_buffers(x)
        out: Tensor = self.after(normalised)
        return out

    def _with_buffers(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )

    def _with_batch_statistics(self, x: Tensor) -> Tensor:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1 if axis in axes else -1 for axis in range(x.ndim)]
        count_here = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums: Tensor = all_reduce(torch.cat([x.sum(axes), count_here]))
        mean, count = sums[:-1] / sums[-1], sums[-1].detach()
        variance: Tensor = all_reduce((x - mean.view(shape)).square().sum(axes)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        scale: Tensor = self.weight * torch.rsqrt(variance + self.eps)
        centred = x - mean.view(shape)
        return centred * scale.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked
        self.running_mean.lerp_(mean, float(momentum))
        self.running_var.lerp_(variance, float(momentum))
