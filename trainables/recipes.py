"""The shipped recipes: how a trial trains. This is the one list.

An entry says what it sets and what it searches; every other hyperparameter has its neutral value.
A configuration changes an entry, or starts another one from it. docs/explanation/recipes.md argues
for each choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainables.hyperparameters import HYPERPARAMETERS

DEFAULT_BASE = "modern"
"""What a user's recipe starts from unless it names another one."""


@dataclass(frozen=True)
class ShippedRecipe:
    """One entry. The first value of a list that is searched is that of draw 0."""

    name: str
    meaning: str
    searched: Mapping[str, Sequence[Any]]
    fixed: Mapping[str, Any]

    @property
    def space(self) -> dict[str, list[Any]]:
        """The values of every hyperparameter; a single one where it is fixed."""
        given = {name: list(values) for name, values in self.searched.items()}
        given |= {name: [value] for name, value in self.fixed.items()}
        return {name: given.get(name, [one.neutral]) for name, one in HYPERPARAMETERS.items()}


RECIPES: Mapping[str, ShippedRecipe] = {
    one.name: one
    for one in (
        ShippedRecipe(
            "paper",
            "as published: Adam at a constant rate on the cross-entropy, a head of three layers",
            searched={
                # Around where champions of 30 epochs lie; the paper's 1e-5 learns next to nothing.
                "lr": (1e-3, 3e-3, 3e-4, 1e-4),
                "batch_size": (16, 8, 32),
                "hidden": ((512, 128), (256, 256, 128)),
            },
            fixed={},
        ),
        ShippedRecipe(
            "modern",
            "AdamW with a cosine schedule, label smoothing, averaged weights and a strong weight "
            "decay of the head; lower rates for the backbone",
            searched={
                "lr": (1e-3, 3e-3, 3e-4),
                "hidden": ((), (256,)),
                "head_weight_decay": (10.0, 3.0),
            },
            fixed={
                "batch_size": 32,
                "optimizer": "adamw",
                "weight_decay": 0.05,
                "schedule": "cosine",
                "warmup": 0.1,
                "layer_decay": 0.1,
                "label_smoothing": 0.1,
                "clip_norm": 1.0,
                "ema": 0.99,
            },
        ),
    )
}
