"""Optimisers, their groups of parameters, and schedules."""

from typing import Any

import pytest
import torch
from torch import nn, optim

from trainables.finetune import FinetuneModule
from trainables.heads import build_head
from trainables.optimiser import Schedule, build_optimiser, share_of_rate

OPTIMISERS: dict[str, tuple[type[optim.Optimizer], dict[str, Any]]] = {
    "adam": (optim.Adam, {"eps": 1e-7}),
    "adamw": (optim.AdamW, {"eps": 1e-8}),
    "sgd": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
}


def _finetune_module() -> FinetuneModule:
    torch.manual_seed(0)
    suffix = nn.Sequential(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4))
    return FinetuneModule(suffix, "avg", build_head(4, [3], 2))


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_name_is_an_optimiser_of_torch(name: str) -> None:
    kind, expected = OPTIMISERS[name]
    optimiser = build_optimiser(nn.Linear(2, 2), {"lr": 0.1, "optimizer": name})
    assert type(optimiser) is kind
    (group,) = optimiser.param_groups
    assert {key: group[key] for key in expected} == expected
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.0)


def test_weight_decay_leaves_out_biases_and_normalisation_layers() -> None:
    module = _finetune_module()
    optimiser = build_optimiser(module, {"lr": 0.1, "weight_decay": 0.2})
    decayed, others = optimiser.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.2, 0.0)
    weights = [p for p in module.parameters() if p.ndim > 1]
    assert {id(p) for p in decayed["params"]} == {id(p) for p in weights}
    count = sum(len(group["params"]) for group in optimiser.param_groups)
    assert count == len(list(module.parameters()))


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_head_has_a_weight_decay_of_its_own_beyond_that_of_all_layers(wrapped: bool) -> None:
    network = _finetune_module()
    values = {"lr": 0.1, "weight_decay": 0.2, "head_weight_decay": 3.0}
    module = nn.ModuleDict({"module": network}) if wrapped else network  # as several workers do
    decay = {
        id(parameter): group["weight_decay"]
        for group in build_optimiser(module, values).param_groups
        for parameter in group["params"]
    }
    for name, parameter in network.named_parameters():
        expected = 3.2 if name.startswith("head.") else 0.2
        assert decay[id(parameter)] == (expected if parameter.ndim > 1 else 0.0), name


def test_adamw_decays_weights_beside_the_gradient_and_adam_within_it() -> None:
    moved = {}
    for name in ("adam", "adamw"):
        layer = nn.Linear(3, 3, bias=False)
        nn.init.ones_(layer.weight)
        values = {"lr": 0.1, "optimizer": name, "weight_decay": 0.5}
        layer.weight.grad = torch.zeros_like(layer.weight)
        build_optimiser(layer, values).step()
        moved[name] = float(layer.weight.detach().mean())
    assert moved["adamw"] == pytest.approx(1 - 0.1 * 0.5)
    assert moved["adam"] == pytest.approx(1 - 0.1, rel=1e-5)  # a step of lr, whatever the decay


def test_layers_further_from_the_output_train_at_lower_rates() -> None:
    module = _finetune_module()
    optimiser = build_optimiser(module, {"lr": 0.1, "layer_decay": 0.2})
    rates = {id(p): g["lr"] for g in optimiser.param_groups for p in g["params"]}
    for name, parameter in module.named_parameters():
        expected = 0.02 if name.startswith("suffix.") else 0.1
        assert rates[id(parameter)] == pytest.approx(expected), name


def test_groups_before_the_last_one_train_at_falling_rates_or_at_one() -> None:
    layers = [nn.Linear(2, 2) for _ in range(4)]
    names = [[f"suffix.{i}.{kind}" for kind in ("weight", "bias")] for i in range(4)]
    module = FinetuneModule(nn.Sequential(*layers), "avg", nn.Linear(2, 2), groups=names)

    def rates(**values: float) -> list[float]:
        optimiser = build_optimiser(module, {"lr": 1.0, **values})
        found = {id(one): g["lr"] for g in optimiser.param_groups for one in g["params"]}
        return [found[id(layer.weight)] for layer in (*layers, module.head)]

    assert rates() == [1.0] * 5
    assert rates(layer_decay=0.1) == pytest.approx([0.01, 0.01, 0.01, 0.1, 1.0])
    both = rates(layer_decay=0.1, group_decay=0.5)
    assert both == pytest.approx([0.0025, 0.005, 0.01, 0.1, 1.0])
    assert rates(group_decay=0.5) == pytest.approx([0.25, 0.5, 1.0, 1.0, 1.0])


def test_the_rates_of_all_groups_follow_the_schedule() -> None:
    optimiser = build_optimiser(_finetune_module(), {"lr": 0.1, "layer_decay": 0.2})
    schedule = Schedule(optimiser, {"lr": 0.1, "schedule": "cosine"}, 4)
    seen = []
    for _ in range(6):
        schedule.advance()
        seen.append([group["lr"] for group in optimiser.param_groups])
    assert seen[0] == pytest.approx([0.02, 0.1])
    assert seen[2] == pytest.approx([0.01, 0.05])
    assert seen[3] == seen[4] == seen[5]  # no further than the planned steps
    assert schedule.lr == seen[5][1]


def test_what_requires_no_gradient_is_in_no_group() -> None:
    module = _finetune_module()
    module.suffix.requires_grad_(False)
    optimiser = build_optimiser(module, {"lr": 0.1, "layer_decay": 0.2, "weight_decay": 0.1})
    held = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert held == {id(p) for p in module.head.parameters()}
    assert {group["lr"] for group in optimiser.param_groups} == {0.1}


def test_a_constant_schedule_is_constant() -> None:
    assert [share_of_rate("constant", step, 5, 0.0) for step in range(5)] == [1.0] * 5


def test_a_cosine_falls_from_one_to_nought() -> None:
    found = [share_of_rate("cosine", step, 4, 0.0) for step in range(4)]
    assert found == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])


def test_warm_up_rises_linearly_to_the_highest_rate() -> None:
    found = [share_of_rate("cosine", step, 8, 0.5) for step in range(8)]
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert found[4:] == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])
    assert share_of_rate("constant", 7, 8, 0.5) == 1.0


def test_one_cycle_is_torchs() -> None:
    optimiser = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=20, cycle_momentum=False)
    for step in range(20):
        assert share_of_rate("one_cycle", step, 20, 0.0) == pytest.approx(cycle.get_last_lr()[0])
        optimiser.step()
        if step < 19:
            cycle.step()
