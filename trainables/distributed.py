"""A fine-tuning trial on several workers: Ray Train around the same loop.

The workers are DDP ranks (nccl on GPUs, gloo on CPUs). BatchNorm sees the global batch on either,
so that two workers compute what one does.
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
    """Run `work(config)` on every worker, from inside a Tune trial; rank 0's `ray.train.report`
    reaches Tune. `dataset` is parted among the workers, who get their share with `worker_stream`.
    Raises what the workers raise."""
    takes = {"CPU": CPUS_OF_TRAINING, **({"GPU": 1.0} if use_gpu else {})}
    trainer = TorchTrainer(
        work,
        train_loop_config=config,
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu=use_gpu, resources_per_worker=takes
        ),
        torch_config=NodeNetwork(),
        datasets={_STREAM: dataset} if dataset else None,
        dataset_config=DataConfig(execution_options=ExecutionOptions(preserve_order=True)),
        run_config=RunConfig(
            name=name,
            storage_path=str(scratch),
            # At run time these are Train V2's classes, which the annotations do not know.
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
    """The module as this worker's DDP rank, its BatchNorm made global."""
    wrapped: nn.Module = prepare_model(synchronise_batchnorm(module))
    return wrapped


def is_first_worker() -> bool:
    """Whether this is rank 0, the one that writes."""
    return bool(ray.train.get_context().get_world_rank() == 0)


def synchronise_batchnorm(module: nn.Module) -> nn.Module:
    """Replace every BatchNorm below `module` by one over the global batch, in place. Names, weights
    and buffers stay, so state dicts fit either."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, GlobalBatchNorm(child))
    return module


class GlobalBatchNorm(_BatchNorm):
    """A BatchNorm whose training statistics are those of all ranks' rows together, on any backend.

    torch's SyncBatchNorm runs on GPUs only. Means first, then squared deviations from the global
    mean, so nothing cancels; ranks may hold different numbers of rows.
    """

    def __init__(self, layer: _BatchNorm) -> None:
        from timm.layers.norm_act import BatchNormAct2d  # seconds to import

        super().__init__(layer.num_features, layer.eps, layer.momentum)
        self.weight, self.bias = layer.weight, layer.bias
        self.running_mean, self.running_var = layer.running_mean, layer.running_var
        self.num_batches_tracked = layer.num_batches_tracked
        # timm's BatchNormAct2d carries its activation along.
        along = [layer.drop, layer.act] if isinstance(layer, BatchNormAct2d) else []
        self.after = nn.Sequential(*along)
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.after(self._trained(x) if self.training else self._fixed(x))
        return out

    def _fixed(self, x: Tensor) -> Tensor:
        return functional.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )

    def _trained(self, x: Tensor) -> Tensor:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1 if axis in axes else -1 for axis in range(x.ndim)]
        own = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums: Tensor = all_reduce(torch.cat([x.sum(axes), own]))
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
