"""BatchNorm over the global batch of several ranks, so that two of them compute the same as one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


def synchronise_batchnorm(module: nn.Module) -> nn.Module:
    """Replace every BatchNorm in `module` by one over the global batch, in place.

    Names, weights and buffers are kept, so that state dicts fit both. On a GPU it is torch's own,
    which needs two collectives a layer and step and no copies of the inputs; it does not run on
    CPUs.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, _synchronised(child))
    return module


def _synchronised(layer: _BatchNorm) -> nn.Module:
    from timm.layers.norm_act import convert_sync_batchnorm  # seconds to import

    if layer.weight.device.type == "cpu":
        return GlobalBatchNorm(layer)
    converted: nn.Module = convert_sync_batchnorm(layer)  # torch's, with timm's activation
    return converted


class GlobalBatchNorm(_BatchNorm):
    """A BatchNorm whose training statistics cover the rows of all ranks, on CPUs.

    Means are reduced first, then squared deviations from
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
