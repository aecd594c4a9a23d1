"""What every strategy must keep: the contract of `sweeper.strategies.base`."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from sweeper.config.load import load_config
from sweeper.plan.plan import TABLE_KINDS
from sweeper.strategies import STRATEGIES
from sweeper.strategies.base import PIXELS, Strategy
from tests.sweeper.run.test_trial import SPEC
from trainables import device
from trainables.backbones import Backbone, build_backbone
from trainables.device import CPU
from trainables.heads import GlobalPool
from trainables.network_size import network_size
from trainables.registry import BACKBONES
from trainables.resident import RowMemory

CONFIG = load_config("smoke")
IMAGES, SIDE, CLASSES = 5, 64, 3
EVERY = pytest.mark.parametrize("strategy", list(STRATEGIES.values()), ids=list(STRATEGIES))


class Table:
    """An activation table in memory."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape, self.dtype = rows, rows.shape[1:], rows.dtype

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        return np.asarray(self.rows[numbers])


def pixels() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (IMAGES, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)


@torch.no_grad()
def table(kind: str, backbone: Backbone) -> Table:
    prefix = backbone.prefix(backbone.normalise(pixels()))
    rows = {"prefix": prefix, "pooled": GlobalPool("max")(backbone.suffix(prefix))}
    return Table(rows[kind].numpy())


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return build_backbone(BACKBONES["mobilenet"])


def parts(strategy: Strategy, backbone: Backbone) -> Any:
    """A trial's parts, as if its parent had trained the head that a fresh trial begins with."""
    spec = replace(
        SPEC,
        strategy=strategy.name,
        source=strategy.source(CONFIG),
        classes=CLASSES,
        settings=strategy.settings(CONFIG),
    )
    rows = table(spec.source, backbone)
    return SimpleNamespace(
        spec=spec,
        backbone=backbone,
        table=rows,
        feature_dim=backbone_dim(backbone),
        device=CPU,
        memory=RowMemory(),
    )


def backbone_dim(backbone: Backbone) -> int:
    return int(table("pooled", backbone).shape[0])


@EVERY
def test_a_strategy_is_known_by_its_name_and_comes_after_the_one_it_starts_from(
    strategy: Strategy,
) -> None:
    names = list(STRATEGIES)
    assert STRATEGIES[strategy.name] is strategy
    parent = strategy.parent(CONFIG)
    assert parent is None or names.index(parent) < names.index(strategy.name)


@EVERY
def test_its_rows_come_from_a_table_that_plans_know_or_from_pixels(strategy: Strategy) -> None:
    assert strategy.source(CONFIG) in {*TABLE_KINDS, PIXELS}
    draws, epochs = strategy.limits(CONFIG)
    assert draws >= 1
    assert epochs >= 1


@EVERY
def test_its_settings_and_what_it_keys_are_plain_values(
    strategy: Strategy, backbone: Backbone
) -> None:
    spec = parts(strategy, backbone).spec
    for values in (strategy.settings(CONFIG), strategy.keyed(spec)):
        assert json.loads(json.dumps(values)) == values


@EVERY
def test_the_cached_network_is_the_whole_network(strategy: Strategy) -> None:
    backbone = build_backbone(BACKBONES["mobilenet"])
    of = parts(strategy, backbone)
    module = strategy.module(of).eval()
    labels = np.zeros(IMAGES, np.int64)
    rows = strategy.rows(of, np.arange(IMAGES), labels)
    with torch.no_grad():
        cached = module(rows.inputs(torch.arange(IMAGES)))
        whole = strategy.network(of, module).eval()(pixels())
    assert cached.shape == (IMAGES, CLASSES)
    torch.testing.assert_close(cached, whole, rtol=1e-4, atol=1e-4)


@EVERY
def test_its_weights_are_named_by_what_they_belong_to(strategy: Strategy) -> None:
    backbone = build_backbone(BACKBONES["mobilenet"])
    of = parts(strategy, backbone)
    weights = strategy.module(of).state_dict()
    assert {name.partition(".")[0] for name in weights} <= {"head", "suffix"}
    own = strategy.backbone_names(of.spec, weights)
    assert set(own) <= set(backbone.state())
    assert len(own) == sum(name.startswith("suffix.") for name in weights)


@EVERY
def test_it_costs_no_more_than_the_whole_network(strategy: Strategy) -> None:
    size = network_size(replace(BACKBONES["mobilenet"], image_size=SIDE), {})
    trained = strategy.trained(size, CONFIG)
    assert 0 <= trained.macs <= size.macs
    assert 0 <= trained.parameters <= size.parameters
    low, high = strategy.seconds_beside_training
    assert 0 <= low <= high


@pytest.mark.parametrize("option", ["finetune.depth=suffix", "finetune.depth=all"])
def test_a_network_trained_as_a_whole_needs_no_table(option: str) -> None:
    config = load_config("smoke", [option])
    wanted = PIXELS if option.endswith("all") else "prefix"
    assert STRATEGIES["finetune"].source(config) == wanted


@EVERY
@pytest.mark.parametrize("is_fast", [True, False])
def test_its_arithmetic_follows_the_device_that_it_is_given(
    strategy: Strategy, is_fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not what the process sees: nobody is asked for another device."""
    monkeypatch.setattr(device, "_assigned_gpus", lambda: 1 / 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: 1 / 0)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: is_fast)
    of = parts(strategy, build_backbone(BACKBONES["mobilenet"]))
    for where in (CPU, torch.device("cuda", 0)):
        of.device = where
        fast = strategy.name == "finetune" and where.type == "cuda" and is_fast
        assert strategy.precision(of.spec, where) == ("bfloat16" if fast else "float32")
        assert getattr(strategy.module(of), "mixed", False) is fast


def test_a_head_alone_is_always_trained_in_float32() -> None:
    config = load_config("smoke", ["finetune.depth=head", "finetune.precision=bfloat16"])
    strategy = STRATEGIES["finetune"]
    spec = replace(SPEC, strategy="finetune", settings=strategy.settings(config))
    assert strategy.precision(spec, torch.device("cuda", 0)) == "float32"
