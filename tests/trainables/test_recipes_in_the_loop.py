"""What each hyperparameter changes in a training, against the same steps written explicitly."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.recipe_options import OTHER_VALUES
from tests.trainables.settings import training
from tests.trainables.test_loop import TensorRows, Watched, _blobs, _timeless
from trainables import loop
from trainables.averaging import WeightAverage
from trainables.hyperparameters import HYPERPARAMETERS
from trainables.loop import Fit, Setting, train
from trainables.mixing import Mixup
from trainables.optimiser import build_optimiser, share_of_rate
from trainables.recipes import RECIPES
from trainables.transfer import transfer_module

BASE = training(0.01, 8, 4, 1)
OF_THE_MODULE = (
    "hidden",
    "dropout",
    "batchnorm",
    "layer_decay",
    "group_decay",
)  # tested where it is built
ONLY_WITH = {
    "momentum": {"optimizer": "sgd"},
    "effective_beta": {"class_weights": "effective_number"},
}


def with_values(setting: Setting, **values: Any) -> Setting:
    return replace(setting, hyperparameters={**setting.hyperparameters, **values})


def fit_with(setting: Setting = BASE, **values: Any) -> Fit:
    counted = replace(setting, class_counts=[20, 15, 10])
    module = transfer_module(8, [6], 3, 0)
    return train(module, _blobs(45, 0, 1.0), _blobs(20, 1, 1.0), with_values(counted, **values))


@pytest.mark.parametrize("name", [one for one in OTHER_VALUES if one not in OF_THE_MODULE])
def test_every_hyperparameter_of_the_loop_changes_the_training(name: str) -> None:
    setting = training(0.01, 8, 12, 1)
    values = ONLY_WITH.get(name, {})
    plain, other = (
        fit_with(setting, **values),
        fit_with(setting, **values, **{name: OTHER_VALUES[name]}),
    )
    assert _timeless(plain.curve) != _timeless(other.curve)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_shipped_recipe_learns_a_separable_problem_the_same_each_time(recipe: Any) -> None:
    values = {name: space[0] for name, space in recipe.space.items()}
    fits = []
    for _ in range(2):
        module = transfer_module(8, values["hidden"], 3, 0, values["dropout"])
        setting = Setting({**values, "lr": 0.01, "batch_size": 16}, 15, 1)
        fits.append(train(module, _blobs(150, 0), _blobs(60, 1), setting))
    assert fits[0].val_accuracy > 0.9
    assert _timeless(fits[0].curve) == _timeless(fits[1].curve)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_every_shipped_recipe_sets_what_has_no_neutral_value(recipe: Any) -> None:
    assert set(recipe.searched) | set(recipe.fixed) <= set(HYPERPARAMETERS)
    assert not set(recipe.searched) & set(recipe.fixed)
    assert {"lr", "batch_size", "hidden"} <= set(recipe.searched) | set(recipe.fixed)


def _steps(monkeypatch: pytest.MonkeyPatch, watch: Callable[[torch.optim.Optimizer], None]) -> None:
    """Call `watch` before every step of the optimiser."""

    def built(module: nn.Module, values: Any) -> torch.optim.Optimizer:
        optimiser = build_optimiser(module, values)
        optimiser.register_step_pre_hook(lambda one, args, kwargs: watch(one))
        return optimiser

    monkeypatch.setattr(loop, "build_optimiser", built)


def _norm(optimiser: torch.optim.Optimizer) -> float:
    grads = [p.grad for group in optimiser.param_groups for p in group["params"]]
    return float(torch.cat([grad.flatten() for grad in grads if grad is not None]).norm())


def test_clipping_bounds_the_norm_of_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    _steps(monkeypatch, lambda optimiser: norms.append(_norm(optimiser)))
    fit_with()
    free, norms[:] = list(norms), []
    fit_with(clip_norm=0.3)
    assert max(free) > 0.3
    assert max(norms) == pytest.approx(0.3, rel=1e-4)


def test_the_curve_has_the_rate_of_each_epochs_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    _steps(monkeypatch, lambda optimiser: rates.append(optimiser.param_groups[0]["lr"]))
    fit = fit_with(schedule="cosine", warmup=0.25)
    total = fit.curve[-1].steps
    assert rates == [0.01 * share_of_rate("cosine", step, total, 0.25) for step in range(total)]
    assert [epoch.lr for epoch in fit.curve] == [rates[epoch.steps - 1] for epoch in fit.curve]
    assert rates[-1] < 0.001


def test_the_average_is_that_computed_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    expected = float(layer.weight.detach())
    average = WeightAverage(layer, 0.7)
    for step in range(1, 40):
        with torch.no_grad():
            layer.weight.fill_(float(step))
        average.update()
        decay = min(0.7, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    with average.in_place():
        assert float(layer.weight.detach()) == pytest.approx(expected, rel=1e-5)
    assert float(layer.weight.detach()) == 39.0


def test_the_averaged_weights_are_validated_and_kept_and_the_others_trained() -> None:
    states: dict[str, list[dict[str, Tensor]]] = {"plain": [], "ema": []}
    fits = {}
    for kind, values in (("plain", {}), ("ema", {"ema": 0.9})):
        module = transfer_module(8, [6], 3, 0)
        fits[kind] = train(
            module,
            _blobs(45, 0, 1.0),
            _blobs(20, 1, 1.0),
            with_values(training(0.01, 8, 1, 1), **values),
            on_epoch=lambda curve, kind=kind, module=module: states[kind].append(  # type: ignore[misc]
                copy.deepcopy(module.state_dict())
            ),
        )
    weight = "head.2.weight"
    assert torch.equal(states["plain"][0][weight], states["ema"][0][weight])
    assert not torch.equal(fits["ema"].state[weight], states["ema"][0][weight])
    assert fits["ema"].curve[0].val_loss != fits["plain"].curve[0].val_loss
    assert fits["ema"].curve[0].train_loss == fits["plain"].curve[0].train_loss


def test_an_average_without_memory_is_the_last_weights() -> None:
    layer = nn.Linear(2, 2)
    average = WeightAverage(layer, 0.0)
    with torch.no_grad():
        layer.weight.add_(1)
    average.update()
    last = layer.weight.detach().clone()
    with average.in_place():
        torch.testing.assert_close(layer.weight.detach(), last)


def test_training_ends_after_the_epochs_of_patience_without_improvement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = [(0.9, 0.5), (0.8, 0.7), (0.8, 0.6), (0.8, 0.7), (0.8, 0.6), (0.1, 0.9)]
    for patience, epochs in ((1, 3), (2, 4), (3, 5), (4, 6), (0, 6)):
        results = iter([(loss, accuracy, accuracy) for loss, accuracy in script])
        monkeypatch.setattr(loop, "evaluate", lambda *given, results=results: next(results))
        fit = fit_with(training(0.01, 8, 6, 1), patience=patience)
        assert len(fit.curve) == epochs
        assert fit.best_epoch == (6 if epochs == 6 else 2)


def test_balanced_sampling_keeps_the_steps_of_an_epoch() -> None:
    rows = _blobs(45, 0)
    rows.labels[:] = torch.tensor([0] * 30 + [1] * 10 + [2] * 5)
    plain = train(transfer_module(8, [], 3, 0), rows, _blobs(9, 1), BASE)
    setting = with_values(BASE, sampling="balanced")
    fit = train(transfer_module(8, [], 3, 0), rows, _blobs(9, 1), setting)
    assert [epoch.steps for epoch in fit.curve] == [epoch.steps for epoch in plain.curve]


def test_mixup_mixes_each_row_with_one_partner_and_its_label() -> None:
    inputs, labels = torch.eye(6), torch.arange(6)
    mixed, targets = Mixup(0.5, seed=3)(inputs, labels)
    (own, share), (partners, rest) = targets
    assert share + rest == pytest.approx(1)
    assert 0.5 <= share < 1
    assert torch.equal(own, labels)
    assert sorted(partners.tolist()) == list(range(6))  # every row is some row's partner
    torch.testing.assert_close(mixed, share * inputs + rest * inputs[partners])


def test_mixup_takes_pixels_and_leaves_the_batch_alone() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).view(2, 3, 2, 2)
    before = pixels.clone()
    mixed, _ = Mixup(1.0, seed=0)(pixels, torch.tensor([0, 1]))
    assert mixed.dtype == torch.float32
    assert torch.equal(pixels, before)


def test_mixup_draws_change_no_other_draw() -> None:
    plain, mixed = Watched(30), Watched(30)
    for rows, values in ((plain, {}), (mixed, {"mixup": 0.5})):
        train(transfer_module(8, [], 3, 0), rows, _blobs(9, 1), with_values(BASE, **values))
    assert plain.seen == mixed.seen


def test_class_weights_move_the_decision_towards_the_rare_class() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 90 + [1] * 10)
    features = torch.randn(100, 4, generator=generator)
    features[labels == 1, 0] += 1.0
    rows = TensorRows(features, labels)
    shares = []
    for kind in ("none", "balanced"):
        setting = replace(with_values(training(0.02, 20, 25, 1), class_weights=kind))
        setting = replace(setting, class_counts=[90, 10])
        module = nn.Linear(4, 2)
        nn.init.zeros_(module.weight)
        train(module, rows, rows, setting)
        with torch.no_grad():
            shares.append(float((module(features).argmax(1) == 1).float().mean()))
    assert shares[0] < 0.1 < 0.2 < shares[1]


def test_a_loss_that_is_not_finite_still_ends_the_training_with_patience() -> None:
    rows = _blobs(40, 0)
    rows.features[3] = math.nan
    setting = with_values(training(0.01, 8, 9, 1), patience=3, ema=0.9)
    fit = train(transfer_module(8, [], 3, 0), rows, _blobs(9, 1), setting)
    assert len(fit.curve) == 1
