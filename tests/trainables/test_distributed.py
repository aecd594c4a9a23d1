"""Two processes against one: BatchNorm over the global batch, and the loop in DDP."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tests.trainables.settings import training
from trainables.batchnorm import BatchNormStatistics
from trainables.criterion import Criterion
from trainables.heads import build_head
from trainables.loop import Epoch, train
from trainables.rows import IndexedRows
from trainables.synchronised_batchnorm import GlobalBatchNorm, synchronise_batchnorm

WORLD = 2
SHARES = (5, 3)  # rows of each rank
KINDS = ("1d", "2d", "timm")
SETTING = training(lr=0.01, batch_size=5, epochs=3, seed=4)
RICH = replace(
    SETTING,
    hyperparameters={
        **SETTING.hyperparameters,
        "optimizer": "adamw",
        "schedule": "cosine",
        "weight_decay": 0.1,
        "class_weights": "balanced",
        "sampling": "balanced",
        "label_smoothing": 0.1,
        "clip_norm": 0.2,
        "ema": 0.8,
    },
    class_counts=[4, 8, 10],
)
TRAIN, VALIDATION = 22, 9  # the last batch has 2 rows: one for each rank


@dataclass
class _Rows(IndexedRows):
    features: Tensor
    labels: Tensor

    def inputs(self, rows: Tensor) -> Tensor:
        return self.features[rows]


def _layer(kind: str) -> nn.Module:
    layer = {
        "1d": lambda: nn.BatchNorm1d(4, eps=1e-3, momentum=0.01),
        "2d": lambda: nn.BatchNorm2d(4, momentum=None),  # a cumulative average
        "timm": lambda: BatchNormAct2d(4, act_layer=nn.ReLU),
    }[kind]()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        layer.weight.copy_(torch.rand(4, generator=generator) + 0.5)
        layer.bias.copy_(torch.randn(4, generator=generator))
    return layer.train()


def _inputs(kind: str, step: int) -> Tensor:
    """The rows of all ranks; their mean is far from 0 and the shares differ."""
    shape = (sum(SHARES), 4) if kind == "1d" else (sum(SHARES), 4, 3, 2)
    rows = torch.randn(shape, generator=torch.Generator().manual_seed(step)) + 10
    rows[SHARES[0] :] *= 2
    return rows


def _pass(layer: nn.Module, kind: str, part: slice) -> dict[str, Any]:
    """Two training steps and one evaluation on some of the rows."""
    left: dict[str, Any] = {}
    for step in (1, 2):
        rows = _inputs(kind, step)[part].requires_grad_()
        layer.zero_grad()
        out = layer(rows)
        (out.square() * _inputs(kind, 3)[part]).sum().backward()
        left |= {f"out {step}": out.detach(), f"gradient {step}": rows.grad}
        left |= {f"{name} {step}": p.grad.clone() for name, p in layer.named_parameters()}
    left["buffers"] = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    left["fixed"] = layer.eval()(_inputs(kind, 4)[part]).detach()
    return left


def _network() -> nn.Module:
    """A head without dropout, whose masks would differ between ranks."""
    torch.manual_seed(0)
    head = build_head(6, [5], 3)
    for layer in head:
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return head


def _rows(count: int, seed: int) -> _Rows:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    features = torch.randn(count, 6, generator=generator)
    features[torch.arange(count), labels] += 2
    return _Rows(features, labels)


def _mean_weighted_by_place(labels: np.ndarray, shares: np.ndarray) -> float:
    """Depends on the order of the rows."""
    own = shares[np.arange(len(labels)), labels]
    return float(own @ np.arange(1, len(labels) + 1))


CRITERION = Criterion(of_rows=_mean_weighted_by_place)


def _work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=WORLD
    )
    part = slice(0, SHARES[0]) if rank == 0 else slice(SHARES[0], None)
    left: dict[str, Any] = {}
    for kind in KINDS:
        layer = synchronise_batchnorm(nn.Sequential(_layer(kind)))[0]
        left[kind] = _pass(layer, kind, part)
    module = DistributedDataParallel(synchronise_batchnorm(_network()))
    fit = train(module, _rows(TRAIN, 0), _rows(VALIDATION, 1), SETTING, criterion=CRITERION)
    left["curve"], left["state"] = [_numbers(epoch) for epoch in fit.curve], fit.state
    module = DistributedDataParallel(synchronise_batchnorm(_network()))
    fit = train(module, _rows(TRAIN, 0), _rows(VALIDATION, 1), RICH)
    left["rich curve"], left["rich state"] = [_numbers(epoch) for epoch in fit.curve], fit.state
    torch.save(left, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def _numbers(epoch: Epoch) -> tuple[float, ...]:
    validated = (epoch.val_loss, epoch.val_accuracy, epoch.val_score)
    return (epoch.train_loss, epoch.train_accuracy, *validated)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The results of two processes."""
    folder = tmp_path_factory.mktemp("gloo")
    torch.multiprocessing.spawn(  # type: ignore[attr-defined]
        _work, (str(folder),), nprocs=WORLD
    )
    return [torch.load(Path(folder, f"{rank}.pt")) for rank in range(WORLD)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_ranks_normalise_like_one_process_over_all_rows(
    kind: str, ranks: list[dict[str, Any]]
) -> None:
    expected = _pass(_layer(kind), kind, slice(None))
    for name in ("out 1", "out 2", "fixed", "gradient 1", "gradient 2"):
        found = torch.cat([left[kind][name] for left in ranks])
        torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-3)
    for name in ("weight 1", "bias 1", "weight 2", "bias 2"):
        found = ranks[0][kind][name] + ranks[1][kind][name]
        torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_both_ranks_track_the_statistics_of_all_rows(
    kind: str, ranks: list[dict[str, Any]]
) -> None:
    expected = _pass(_layer(kind), kind, slice(None))["buffers"]
    assert expected["num_batches_tracked"] == 2
    for left in ranks:
        torch.testing.assert_close(left[kind]["buffers"], expected, rtol=1e-5, atol=1e-5)


def test_two_workers_train_like_one(ranks: list[dict[str, Any]]) -> None:
    module = _network()
    fit = train(module, _rows(TRAIN, 0), _rows(VALIDATION, 1), SETTING, criterion=CRITERION)
    assert fit.curve[-1].train_loss < fit.curve[0].train_loss
    for left in ranks:
        for epoch, found in zip(fit.curve, left["curve"], strict=True):
            assert found == pytest.approx(_numbers(epoch), rel=1e-4)
        torch.testing.assert_close(left["state"], fit.state, rtol=1e-4, atol=1e-4)


def test_two_workers_train_like_one_with_weights_clipping_averages_and_sampling(
    ranks: list[dict[str, Any]],
) -> None:
    rows, validation = _rows(TRAIN, 0), _rows(VALIDATION, 1)
    fit = train(_network(), rows, validation, RICH)
    plain = train(_network(), rows, validation, SETTING)
    assert [_numbers(one) for one in fit.curve] != [_numbers(one) for one in plain.curve]
    for left in ranks:
        for epoch, found in zip(fit.curve, left["rich curve"], strict=True):
            assert found == pytest.approx(_numbers(epoch), rel=1e-4)
        torch.testing.assert_close(left["rich state"], fit.state, rtol=1e-4, atol=1e-4)


def test_a_synchronised_module_keeps_names_weights_mode_and_what_it_computes_in_eval_mode() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(_layer("timm")), _layer("2d")).eval()
    _pass(module[2], "2d", slice(None))
    original, rows = copy.deepcopy(module), torch.randn(2, 3, 5, 5)
    assert synchronise_batchnorm(module) is module
    assert isinstance(module[1][0], GlobalBatchNorm)
    assert isinstance(module[2], GlobalBatchNorm)
    assert not any(child.training for child in module.modules())
    torch.testing.assert_close(module.state_dict(), original.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(module(rows), original(rows))


def test_off_the_cpu_torchs_own_synchronised_batchnorm_is_used() -> None:
    """With the names, buffers and settings that the rest of the loop relies on."""
    module = nn.Sequential(_layer("1d"), nn.Sequential(_layer("timm")), _layer("2d")).to("meta")
    before = module.state_dict()
    assert synchronise_batchnorm(module) is module
    norms = [module[0], module[1][0], module[2]]
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
    assert [norm.eps for norm in norms] == [1e-3, 1e-5, 1e-5]
    assert [norm.momentum for norm in norms] == [0.01, 0.1, None]
    assert isinstance(norms[1].act, nn.ReLU)
    assert list(module.state_dict()) == list(before)
    assert BatchNormStatistics(module).norms == norms
