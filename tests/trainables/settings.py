"""Training settings with the hyperparameters that the loop itself reads."""

from typing import Any

from trainables.loop import Setting


def training(
    lr: float, batch_size: int, epochs: int, seed: int, *rest: Any, **named: Any
) -> Setting:
    return Setting({"lr": lr, "batch_size": batch_size}, epochs, seed, *rest, **named)
