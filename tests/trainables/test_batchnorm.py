"""After training BatchNorm describes the training rows, however few steps there were."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.trainables.settings import training
from tests.trainables.tables import opened, write_table
from trainables.batchnorm import BatchNormStatistics
from trainables.finetune import FinetuneModule
from trainables.heads import build_head
from trainables.loop import evaluate, train
from trainables.rows import Batch, IndexedRows
from trainables.transfer import PooledRows

CLASSES = 3


class _Rows(IndexedRows):
    """Rows in memory; `at_once`: batch size of a pass over all of them, 0 for no pass."""

    def __init__(self, features: Tensor, labels: Tensor, at_once: int) -> None:
        self.features, self.labels, self.at_once = features, labels, at_once

    def inputs(self, rows: Tensor) -> Tensor:
        return self.features[rows]

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return self.shares(torch.arange(len(self)), self.at_once) if self.at_once else None


def _rows(count: int, seed: int = 0, at_once: int = 1000) -> _Rows:
    """Pooled features far from mean 0 and variance 1."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    features = 5 + 3 * torch.randn(count, 12, generator=generator)
    features[torch.arange(count), labels] += 3
    return _Rows(features, labels, at_once)


def _maps(count: int, at_once: int = 0) -> _Rows:
    """Activations (count, 4, 3, 3) whose mean drifts along the rows, so that batches differ."""
    maps = torch.randn(count, 4, 3, 3, generator=torch.Generator().manual_seed(0)) + 2
    maps += torch.linspace(-3, 3, count).view(-1, 1, 1, 1)
    return _Rows(maps, torch.arange(count) % CLASSES, at_once)


def _head(hidden: tuple[int, ...] = (64, 32), dropout: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    return _with_dropout(build_head(12, hidden, CLASSES), dropout)


def _with_dropout(head: nn.Sequential, dropout: bool) -> nn.Sequential:
    for layer in head:
        if isinstance(layer, nn.Dropout) and not dropout:
            layer.p = 0.0
    return head


def _finetune_module(batchnorm: str = "train") -> FinetuneModule:
    """torch's BatchNorm and timm's, with EfficientNet's momentum."""
    torch.manual_seed(0)
    suffix = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1),
        BatchNormAct2d(6, momentum=0.01, act_layer=nn.ReLU),
        nn.Conv2d(6, 5, 3, padding=1),
        nn.BatchNorm2d(5),
    )
    return FinetuneModule(suffix, "avg", _with_dropout(build_head(5, [4], 3), False), batchnorm)


@torch.no_grad()
def _assert_describes_its_inputs(module: nn.Module, rows: _Rows, tolerance: float) -> None:
    """Compare every BatchNorm in `module` with its inputs in eval mode."""
    seen: list[tuple[_BatchNorm, Tensor]] = []
    norms = [layer for layer in module.eval().modules() if isinstance(layer, _BatchNorm)]
    for norm in norms:
        norm.register_forward_pre_hook(lambda norm, inputs: seen.append((norm, inputs[0])))
    module(rows.features)
    assert len(seen) == len(norms) > 0
    for norm, inputs in seen:
        values = inputs.double().transpose(0, 1).flatten(1)  # (C, rows * positions)
        scale = values.std(1).clamp_min(1e-6)
        assert ((norm.running_mean - values.mean(1)) / scale).abs().max() < tolerance
        ratio = (norm.running_var + norm.eps) / (values.var(1, correction=0) + norm.eps)
        assert ratio.log().abs().max() < tolerance


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 60), (1, 4), (7, 16)])
def test_a_trained_head_has_the_statistics_of_its_training_rows_after_any_number_of_steps(
    epochs: int, batch_size: int
) -> None:
    rows, head = _rows(60), _head()
    train(head, rows, _rows(20, 1), training(3e-3, batch_size, epochs, 1))
    _assert_describes_its_inputs(head, rows, 1e-4)


def test_the_kept_state_has_these_statistics_too() -> None:
    rows, head = _rows(60), _head()
    fit = train(head, rows, _rows(20, 1), training(3e-2, 8, 20, 1))
    assert fit.best_epoch < 20
    head.load_state_dict(fit.state)
    _assert_describes_its_inputs(head, rows, 1e-4)


def test_the_first_layers_are_exact_with_dropout_and_later_ones_include_its_variance() -> None:
    rows, head = _rows(4000), _head((16,), dropout=True)
    train(head, rows, _rows(20, 1), training(1e-3, 500, 2, 1))
    _assert_describes_its_inputs(head[:1], rows, 1e-4)
    with torch.no_grad():
        features = head[0](rows.features)
        noisy = torch.cat([head[1:5].train()(features) for _ in range(20)])
    ratio = head.state_dict()["5.running_var"] / noisy.var(0)
    assert ratio.log().abs().max() < 0.1


def test_a_head_that_fits_its_training_rows_scores_the_same_in_eval_mode() -> None:
    accuracy = {}
    for statistics in ("training_rows", "running_average"):
        rows, head = _rows(60), _head((256, 64), dropout=True)
        setting = training(3e-3, 60, 30, 1, statistics)
        fit = train(head, rows, rows, setting)
        assert fit.curve[-1].train_accuracy > 0.85
        accuracy[statistics] = evaluate(head, rows)[1]
    assert accuracy["training_rows"] >= fit.curve[-1].train_accuracy
    assert accuracy["running_average"] < 0.8  # 30 steps: three quarters are the initial 0 and 1


def test_the_running_average_can_be_chosen() -> None:
    rows, head = _rows(40), _head()
    train(head, rows, rows, training(1e-3, 20, 1, 1, "running_average"))
    mean = (1 - 0.99**2) * float(rows.features.mean())
    assert head[0].running_mean.mean() == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize("batch", [7, 64, 200])
def test_batches_add_up_to_the_population_variance(batch: int) -> None:
    """Not to the mean of the batches' variances: their means differ."""
    rows, norm = _maps(200, batch), nn.BatchNorm2d(4)
    BatchNormStatistics(norm).recompute(rows.sample(1, 0) or [])
    _assert_describes_its_inputs(norm, rows, 1e-5)


def test_deeper_layers_are_exact_in_one_batch_and_close_in_several() -> None:
    for batch, tolerance in ((512, 1e-4), (128, 0.1)):
        rows, head = _rows(512, 0, batch), _head()
        BatchNormStatistics(head).recompute(rows.sample(1, 0) or [])
        _assert_describes_its_inputs(head, rows, tolerance)


def test_cached_features_are_sampled_evenly_where_an_epoch_is_not_a_pass(tmp_path: Path) -> None:
    """Images 0..4 with copies 0..2: each image once, in copies that change."""
    wanted = write_table(tmp_path / "t", np.arange(15, dtype=np.float32)[:, None], parts=1)
    labels = np.zeros(15, np.int64)
    table = opened(tmp_path / "t")
    rows = PooledRows(table, table.find(wanted), labels, torch.device("cpu"))
    taken = []
    for turn in range(3):
        (batch,) = rows.sample(3, turn)
        found = batch.inputs.long().flatten().tolist()
        assert [row // 3 for row in found] == [0, 1, 2, 3, 4]
        taken += found
    assert sorted(taken) == list(range(15))
    (everything,) = rows.sample(1, 7)
    assert everything.inputs.flatten().tolist() == list(range(15))


@pytest.mark.parametrize("epochs", [1, 5])
def test_a_suffix_has_the_statistics_of_the_epochs_batches(epochs: int) -> None:
    """With constant weights they are those of the rows; deeper ones depend on the batches."""
    rows, module = _maps(96), _finetune_module()
    train(module, rows, rows, training(1e-9, 32, epochs, 1))
    _assert_describes_its_inputs(module.suffix[:2], rows, 1e-4)
    _assert_describes_its_inputs(module, rows, 0.2)
    rows, module = _maps(96), _finetune_module()
    train(module, rows, rows, training(1e-4, 96, epochs, 1))  # one step behind the weights
    _assert_describes_its_inputs(module, rows, 0.1)


def test_frozen_statistics_stay_and_those_of_the_head_are_computed() -> None:
    rows, module = _maps(50), _finetune_module("frozen")
    before = copy.deepcopy(module.state_dict())
    train(module, rows, rows, training(1e-9, 50, 1, 1))
    moved = {
        name
        for name, value in module.state_dict().items()
        if "running" in name and not torch.equal(value, before[name])
    }
    assert {name.split(".")[0] for name in moved} == {"head"}


def test_the_layers_settings_are_restored() -> None:
    module = nn.Sequential(nn.BatchNorm1d(12, momentum=0.3), nn.Linear(12, 2))
    rows = _rows(30)
    BatchNormStatistics(module).recompute(rows.sample(1, 0) or [])
    assert module[0].momentum == 0.3
    assert not module[0]._forward_pre_hooks
    assert all(parameter.grad is None for parameter in module.parameters())


def test_statistics_that_were_not_finite_are_replaced() -> None:
    norm = nn.BatchNorm1d(12)
    assert norm.running_mean is not None
    norm.running_mean.fill_(float("nan"))
    BatchNormStatistics(norm).recompute(_rows(30).sample(1, 0) or [])
    assert norm.running_mean.isfinite().all()


def test_a_network_without_batchnorm_trains_as_before() -> None:
    rows = _rows(30)
    states = []
    for statistics in ("training_rows", "running_average"):
        torch.manual_seed(0)
        module = nn.Linear(12, CLASSES)
        train(module, rows, rows, training(1e-2, 8, 2, 1, statistics))
        states.append(module.state_dict())
    torch.testing.assert_close(*states, rtol=0, atol=0)
