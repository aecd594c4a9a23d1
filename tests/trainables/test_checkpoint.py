"""A training that is continued by another process against one that was not interrupted."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from tests.trainables.settings import training
from trainables.checkpoint import Checkpoint
from trainables.loop import Epoch, Fit, Setting, train
from trainables.rows import IndexedRows
from trainables.transfer import transfer_module

PLAIN = training(lr=0.01, batch_size=5, epochs=6, seed=4)
EPOCHS_OF_STEPS = replace(PLAIN, epoch_rows=17)  # epochs end within a pass
RICH = replace(
    EPOCHS_OF_STEPS,
    hyperparameters={
        **PLAIN.hyperparameters,
        "optimizer": "adamw",
        "schedule": "cosine",
        "weight_decay": 0.1,
        "sampling": "balanced",
        "mixup": 0.4,
        "ema": 0.8,
        "patience": 4,
    },
)
SGD = replace(PLAIN, hyperparameters={**PLAIN.hyperparameters, "optimizer": "sgd", "momentum": 0.9})
SETTINGS = {"plain": PLAIN, "steps": EPOCHS_OF_STEPS, "rich": RICH, "sgd": SGD}


class Blobs(IndexedRows):
    """Three classes in 8 dimensions."""

    def __init__(self, count: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.randint(0, 3, (count,), generator=generator)
        self.features = torch.randn(count, 8, generator=generator)
        self.features[torch.arange(count), self.labels] += 2

    def inputs(self, rows: Tensor) -> Tensor:
        return self.features[rows]


class Kept:
    """Keeps every state as a file would."""

    def __init__(self) -> None:
        self.data: tuple[bytes, str] | None = None

    def find(self) -> Checkpoint | None:
        if self.data is None:
            return None
        return Checkpoint(load(self.data[0]), json.loads(self.data[1]))

    def offer(self, make: Callable[[], Checkpoint]) -> None:
        made = make()
        self.data = save(made.tensors), json.dumps(made.values)


class Lost(Exception):
    """The machine is gone."""


def fit(setting: Setting, kept: Kept | None = None, dies_after: int = 99) -> tuple[Fit, list[int]]:
    """A training in a process of its own, and the lengths of the curves that it reported."""
    module: nn.Module = transfer_module(8, [6], 3, seed=1)  # which seeds dropout
    reported: list[int] = []

    def on_epoch(curve: list[Epoch]) -> None:
        reported.append(len(curve))
        if len(curve) > dies_after:
            raise Lost

    return train(module, Blobs(22, 0), Blobs(9, 1), setting, on_epoch, checkpoints=kept), reported


def timeless(found: Fit) -> list[dict[str, Any]]:
    return [{k: v for k, v in asdict(epoch).items() if k != "epoch_s"} for epoch in found.curve]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
@pytest.mark.parametrize("died_after", [1, 3])
def test_a_continued_training_equals_an_unbroken_one_to_the_bit(
    setting: Setting, died_after: int
) -> None:
    expected, _ = fit(setting)
    kept = Kept()
    with pytest.raises(Lost):
        fit(setting, kept, died_after)
    torch.manual_seed(77)  # another process has another generator
    found, reported = fit(setting, kept)
    assert timeless(found) == timeless(expected)
    assert found.best_epoch == expected.best_epoch
    torch.testing.assert_close(found.state, expected.state, rtol=0, atol=0)
    assert reported == list(range(1, len(expected.curve) + 1))  # schedulers see each rung again


def test_a_training_that_is_continued_does_not_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    with pytest.raises(Lost):
        fit(PLAIN, kept, 3)
    steps: list[Tensor] = []
    inputs = Blobs.inputs
    monkeypatch.setattr(
        Blobs, "inputs", lambda self, rows: steps.append(rows) or inputs(self, rows)
    )
    fit(PLAIN, kept)
    assert 0 < len(steps) < 4 * (22 // 5 + 2 + 1)  # three of six epochs, with validation


def test_a_training_that_was_over_is_not_trained_further() -> None:
    kept = Kept()
    expected, _ = fit(PLAIN, kept)
    found, _ = fit(PLAIN, kept)
    assert timeless(found) == timeless(expected)
    torch.testing.assert_close(found.state, expected.state, rtol=0, atol=0)
