"""The training loop against the same steps written explicitly, and against itself."""

import copy
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.trainables.settings import training
from trainables import loop
from trainables.criterion import ACCURACY, LOG_LOSS, Criterion
from trainables.loop import Epoch, Fit, Setting, evaluate, probabilities, train
from trainables.rows import Batch, IndexedRows
from trainables.transfer import transfer_module


class TensorRows(IndexedRows):
    """Rows in memory."""

    def __init__(self, features: Tensor, labels: Tensor) -> None:
        self.features, self.labels = features, labels

    def inputs(self, rows: Tensor) -> Tensor:
        return self.features[rows]


def _blobs(count: int, seed: int, distance: float = 4.0) -> TensorRows:
    """Three classes around three points of the plane (in 8 dimensions)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    features = torch.randn(count, 8, generator=generator)
    features[torch.arange(count), labels] += distance
    return TensorRows(features, labels)


def _fit(
    setting: Setting,
    rows: TensorRows,
    validation: TensorRows,
    criterion: Criterion = ACCURACY,
    module_seed: int = 0,
) -> tuple[Fit, nn.Module]:
    module = transfer_module(8, [6], 3, module_seed)
    return train(module, rows, validation, setting, criterion=criterion), module


def _timeless(curve: list[Epoch]) -> list[dict[str, float]]:
    return [{k: v for k, v in asdict(epoch).items() if k != "epoch_s"} for epoch in curve]


def test_a_separable_problem_is_learnt() -> None:
    fit, _ = _fit(training(0.01, 16, 15, 1), _blobs(150, 0), _blobs(60, 1))
    assert fit.val_accuracy > 0.95
    assert fit.curve[-1].train_loss < 0.5 * fit.curve[0].train_loss
    assert fit.images_per_s > 0


def test_one_epoch_is_adam_on_the_batches_mean_cross_entropy() -> None:
    rows, setting = _blobs(23, 0), training(0.01, 5, 1, 7)
    fit, _ = _fit(setting, rows, _blobs(9, 1), module_seed=3)

    module = transfer_module(8, [6], 3, 3).train()
    adam = torch.optim.Adam(module.parameters(), lr=0.01, eps=1e-7)
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d)]
    inputs: list[Tensor] = []
    for norm in norms:
        norm.register_forward_pre_hook(lambda norm, given: inputs.append(given[0].detach()))
    losses, hits = [], 0
    for batch in torch.randperm(23, generator=torch.Generator().manual_seed(7)).split(5):
        logits = module(rows.features[batch])
        loss = functional.cross_entropy(logits, rows.labels[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses += [loss.item()] * len(batch)
        hits += int((logits.argmax(1) == rows.labels[batch]).sum())
    for number, norm in enumerate(norms):
        seen = torch.cat(inputs[number :: len(norms)])  # in the epoch's batches
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(seen.mean(0))
        norm.running_var.copy_(seen.var(0, correction=0))
    torch.testing.assert_close(fit.state, module.state_dict(), rtol=1e-5, atol=1e-6)
    assert fit.curve[0].train_loss == pytest.approx(sum(losses) / 23, rel=1e-5)
    assert fit.curve[0].train_accuracy == hits / 23


def test_one_seed_gives_one_curve_bit_for_bit_and_another_seed_another() -> None:
    first, again, other = (
        _fit(training(0.01, 8, 4, seed), _blobs(50, 0), _blobs(20, 1))[0] for seed in (1, 1, 2)
    )
    assert _timeless(first.curve) == _timeless(again.curve)
    torch.testing.assert_close(first.state, again.state, rtol=0, atol=0)
    assert _timeless(first.curve) != _timeless(other.curve)


def test_each_epoch_is_reported_with_the_curve_so_far() -> None:
    reported: list[list[dict[str, float]]] = []
    module = transfer_module(8, [], 3, 0)
    fit = train(
        module,
        _blobs(30, 0),
        _blobs(10, 1),
        training(0.02, 8, 5, 1),
        on_epoch=lambda curve: reported.append(_timeless(curve)),
    )
    assert reported == [_timeless(fit.curve[:n]) for n in range(1, 6)]
    assert [epoch.epoch for epoch in fit.curve] == [1, 2, 3, 4, 5]
    assert {epoch.lr for epoch in fit.curve} == {0.02}


def test_an_exception_of_the_listener_ends_the_training() -> None:
    def stop(curve: list[Epoch]) -> None:
        if len(curve) == 2:
            raise InterruptedError(f"{len(curve)} epochs")

    with pytest.raises(InterruptedError, match="2 epochs"):
        train(
            transfer_module(8, [], 3, 0), _blobs(30, 0), _blobs(9, 1), training(0.1, 8, 9, 1), stop
        )


def test_the_kept_state_is_best_by_validation_accuracy_then_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = [(0.9, 0.5), (0.8, 0.7), (0.5, 0.7), (0.6, 0.7), (0.1, 0.6)]  # loss, accuracy
    script = iter(results)
    monkeypatch.setattr(loop, "evaluate", lambda module, rows, _: (*(one := next(script)), one[1]))
    module, states = transfer_module(8, [6], 3, 0), []
    fit = train(
        module,
        _blobs(60, 0),
        _blobs(12, 1),
        training(0.03, 8, len(results), 1),
        on_epoch=lambda curve: states.append(copy.deepcopy(module.state_dict())),
    )
    assert [(epoch.val_loss, epoch.val_accuracy) for epoch in fit.curve] == results
    assert (fit.best_epoch, fit.val_accuracy) == (3, 0.7)
    torch.testing.assert_close(fit.state, states[2], rtol=0, atol=0)
    assert not torch.equal(states[2]["head.0.running_mean"], states[3]["head.0.running_mean"])


def test_another_criterion_keeps_another_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [(0.9, 0.5), (0.6, 0.7), (0.5, 0.4), (0.6, 0.8)]  # loss, accuracy
    kept = {}
    for name, criterion in (("accuracy", ACCURACY), ("log loss", LOG_LOSS)):
        script = iter(results)
        monkeypatch.setattr(
            loop,
            "evaluate",
            lambda module, rows, one, script=script: (
                *(means := next(script)),
                one.score(*means, lambda: pytest.fail("no row is needed")),
            ),
        )
        setting = training(0.03, 8, len(results), 1)
        fit = train(
            transfer_module(8, [6], 3, 0), _blobs(60, 0), _blobs(9, 1), setting, criterion=criterion
        )
        kept[name] = fit.best_epoch
    assert kept == {"accuracy": 4, "log loss": 3}


def test_a_criterion_of_rows_sees_every_validation_row_in_order() -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def score(labels: np.ndarray, shares: np.ndarray) -> float:
        seen.append((labels, shares))
        return -float(len(seen))  # the first epoch is the best

    validation, module = _blobs(600, 1), transfer_module(8, [6], 3, 0)  # three batches
    fit = train(
        module,
        _blobs(60, 0),
        validation,
        training(0.03, 8, 3, 1),
        criterion=Criterion(of_rows=score),
    )
    assert fit.best_epoch == 1
    labels, shares = seen[-1]
    np.testing.assert_array_equal(labels, validation.labels.numpy())
    np.testing.assert_allclose(shares, probabilities(module, validation).numpy())


def test_a_score_that_does_not_exist_leaves_the_decision_to_the_loss() -> None:
    criterion = Criterion(of_rows=lambda labels, shares: math.nan)
    fit, _ = _fit(training(0.03, 8, 4, 1), _blobs(60, 0), _blobs(9, 1), criterion)
    assert [one.val_score for one in fit.curve] == [-one.val_loss for one in fit.curve]
    assert fit.best_epoch == min(fit.curve, key=lambda one: one.val_loss).epoch


def test_a_last_batch_of_a_single_row_can_be_trained_on() -> None:
    fit, _ = _fit(training(0.01, 5, 2, 1), _blobs(21, 0), _blobs(9, 1))
    assert len(fit.curve) == 2


class Watched(TensorRows):
    """Rows that record which of them each training batch used."""

    def __init__(self, count: int) -> None:
        of = _blobs(count, 0)
        super().__init__(of.features, of.labels)
        self.seen: list[list[int]] = []

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        for batch in super().shuffled(batch_size, generator):
            rows = [(self.features == row).all(1).nonzero().item() for row in batch.inputs]
            self.seen.append([int(row) for row in rows])
            yield batch


def test_an_epoch_of_fewer_rows_has_their_steps_and_passes_continue_across_epochs() -> None:
    rows, plain = Watched(36), Watched(12)
    setting = training(1e-3, 5, 6, 1)
    one = train(transfer_module(8, [], 3, 0), plain, _blobs(9, 1), setting)
    module = transfer_module(8, [], 3, 0)
    fit = train(module, rows, _blobs(9, 1), replace(setting, epoch_rows=12))
    assert [epoch.steps for epoch in fit.curve] == [epoch.steps for epoch in one.curve]
    assert fit.curve[-1].steps == 6 * 3 == len(rows.seen)
    one_pass = [row for batch in rows.seen[:8] for row in batch]  # seven of 5 and one of 1 joined
    assert sorted(one_pass[:36]) == list(range(36))
    counts = Counter(row for batch in rows.seen for row in batch)
    assert max(counts.values()) - min(counts[row] for row in range(36)) <= 1
    assert fit.curve[-1].passes == pytest.approx(sum(counts.values()) / 36)
    assert one.curve[-1].passes == 6


def test_full_epochs_are_passes_however_they_are_specified() -> None:
    curves = []
    for epoch_rows in (None, 50):
        setting = training(0.01, 8, 4, 1, epoch_rows=epoch_rows)
        fit, _ = _fit(setting, _blobs(50, 0), _blobs(20, 1))
        curves.append(_timeless(fit.curve))
    assert curves[0] == curves[1]


def test_the_share_of_time_spent_waiting_for_rows_is_reported() -> None:
    class Slow(TensorRows):
        def inputs(self, rows: Tensor) -> Tensor:
            time.sleep(0.02)
            return super().inputs(rows)

    fast, _ = _fit(training(0.01, 5, 2, 1), _blobs(20, 0), _blobs(9, 1))
    rows = _blobs(20, 0)
    slow, _ = _fit(training(0.01, 5, 2, 1), Slow(rows.features, rows.labels), _blobs(9, 1))
    assert 0 < fast.data_wait < slow.data_wait < 1


@pytest.mark.parametrize("kind", ["nan inputs", "huge rate"])
def test_diverging_training_ends_with_the_first_epoch_that_is_not_finite(kind: str) -> None:
    rows, validation = _blobs(40, 0), _blobs(10, 1)
    module: nn.Module = nn.Linear(8, 3)
    if kind == "nan inputs":
        rows.features[3] = math.nan
    lengths: list[int] = []
    lr = 0.01 if kind == "nan inputs" else 1e38
    start = copy.deepcopy(module.state_dict())
    fit = train(
        module, rows, validation, training(lr, 8, 9, 1), lambda curve: lengths.append(len(curve))
    )
    assert not fit.curve[-1].is_finite
    assert all(epoch.is_finite for epoch in fit.curve[:-1])
    assert len(fit.curve) < 9
    assert lengths == list(range(1, len(fit.curve) + 1))
    if len(fit.curve) == 1:
        torch.testing.assert_close(fit.state, start, rtol=0, atol=0)


def test_validation_figures_are_those_computed_directly() -> None:
    fit, module = _fit(training(0.01, 16, 3, 1), _blobs(50, 0), _blobs(600, 1, distance=1.0))
    validation = _blobs(600, 1, distance=1.0)  # three batches of evaluation
    with torch.no_grad():
        logits = module.eval()(validation.features)
    loss = float(functional.cross_entropy(logits, validation.labels))
    accuracy = float((logits.argmax(1) == validation.labels).float().mean())
    found = evaluate(module.train(), validation)
    assert found == pytest.approx((loss, accuracy, accuracy), rel=1e-5)
    assert fit.curve[-1].val_loss == pytest.approx(loss, rel=1e-5)
    assert fit.curve[-1].val_accuracy == pytest.approx(accuracy, rel=1e-5)
    torch.testing.assert_close(probabilities(module.train(), validation), logits.softmax(1))


def test_parameters_that_require_no_gradient_are_unchanged() -> None:
    module = nn.Sequential(nn.Linear(8, 8).requires_grad_(False), nn.Linear(8, 3))
    start = copy.deepcopy(module.state_dict())
    train(module, _blobs(30, 0), _blobs(9, 1), training(0.1, 8, 2, 1))
    assert torch.equal(module.state_dict()["0.weight"], start["0.weight"])
    assert not torch.equal(module.state_dict()["1.weight"], start["1.weight"])
