"""Hyperparameters: what trials are tuned over. This is the one list.

An entry is a key of every recipe in a configuration (a value, or what it is drawn from), a field of
every draw, and a column of the tables `cells` and `trials`. To add one: an entry here, and the line
of training code that reads its value. `recipes` has what the shipped recipes set and search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt, MaxLen

ALWAYS = object()
"""`Hyperparameter.neutral` of one that is in the key of every trial."""


@dataclass(frozen=True)
class Hyperparameter:
    """One entry. Values are numbers, texts or lists of them."""

    name: str
    title: str
    type: Any  # of a value, with its bounds
    meaning: str
    neutral: Any = ALWAYS  # trains as before there was this entry: left out of a trial's key
    of_head: bool = False  # the head's shape: a trial that starts from a trained head has its value
    of_backbone: bool = False  # without effect where no layer of the backbone is trained
    of_groups: bool = False  # without effect where no layer before its last group is trained
    only_with: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    # ^ without effect unless another hyperparameter, in the list before it, has one of these values

    def column(self, value: Any) -> Any:
        """The value in the tables: a list as `512-128`, an empty one as `none`."""
        if isinstance(value, list | tuple):
            return "-".join(map(str, value)) or "none"
        return value


_Share = Annotated[float, Ge(0), Lt(1)]

HYPERPARAMETERS: Mapping[str, Hyperparameter] = {
    one.name: one
    for one in (
        Hyperparameter(
            "lr",
            "learning rate",
            Annotated[float, Gt(0), Le(10)],
            "learning rate of the optimiser, at its highest",
        ),
        Hyperparameter(
            "batch_size",
            "batch size",
            Annotated[int, Ge(2), Le(65536)],
            "rows of an optimiser step, all workers together",
        ),
        Hyperparameter(
            "hidden",
            "hidden layers",
            Annotated[list[Annotated[int, Ge(1), Le(65536)]], MaxLen(16)],
            "widths of the head's hidden layers",
            of_head=True,
        ),
        Hyperparameter(
            "optimizer",
            "optimiser",
            Literal["adam", "adamw", "sgd"],
            "`adam` (with Keras' epsilon), `adamw` or `sgd` (with Nesterov momentum)",
            neutral="adam",
        ),
        Hyperparameter(
            "momentum",
            "momentum",
            _Share,
            "momentum of `sgd`",
            neutral=0.9,
            only_with={"optimizer": ["sgd"]},
        ),
        Hyperparameter(
            "weight_decay",
            "weight decay",
            Annotated[float, Ge(0), Le(10)],
            "weight decay, not of biases and normalisation layers; decoupled from the gradient "
            "under `adamw`",
            neutral=0.0,
        ),
        Hyperparameter(
            "head_weight_decay",
            "weight decay of the head",
            Annotated[float, Ge(0), Le(100)],
            "weight decay of the head's layers in addition to `weight_decay`",
            neutral=0.0,
        ),
        Hyperparameter(
            "schedule",
            "schedule",
            Literal["constant", "cosine", "one_cycle"],
            "learning rate over the training: `constant`, `cosine` (falls to 0) or `one_cycle` "
            "(rises for 30 % of the steps, then falls)",
            neutral="constant",
        ),
        Hyperparameter(
            "warmup",
            "warm-up",
            _Share,
            "share of the steps in which the learning rate rises from 0; `one_cycle` has its own",
            neutral=0.0,
            only_with={"schedule": ["constant", "cosine"]},
        ),
        Hyperparameter(
            "layer_decay",
            "layer decay",
            Annotated[float, Gt(0), Le(1)],
            "fine-tuning: the backbone's last group of layers trains at this share of the head's "
            "learning rate, and the layers before it at this share of that",
            neutral=1.0,
            of_backbone=True,
        ),
        Hyperparameter(
            "group_decay",
            "layer-group decay",
            Annotated[float, Gt(0), Le(1)],
            "fine-tuning at depth `half` or `all`: before the last group of layers, each group (a "
            "block, as timm's `group_matcher` has it) trains at this share of the next one's rate",
            neutral=1.0,
            of_groups=True,
        ),
        Hyperparameter(
            "batchnorm",
            "BatchNorm",
            Literal["train", "frozen"],
            "fine-tuning: BatchNorm statistics of the backbone's trained layers are updated "
            "(`train`) or kept (`frozen`)",
            neutral="train",
            of_backbone=True,
        ),
        Hyperparameter(
            "dropout",
            "dropout",
            _Share,
            "share of the head's inputs that are dropped; half of it in hidden layers",
            neutral=0.2,
        ),
        Hyperparameter(
            "label_smoothing",
            "label smoothing",
            _Share,
            "share of a target spread over all classes",
            neutral=0.0,
        ),
        Hyperparameter(
            "focal_gamma",
            "focal gamma",
            Annotated[float, Ge(0), Le(10)],
            "focal loss: exponent that reduces the weight of rows already classified well",
            neutral=0.0,
        ),
        Hyperparameter(
            "class_weights",
            "class weights",
            Literal["none", "balanced", "effective_number"],
            "weights of the loss: inversely proportional to the images of a class (`balanced`), or "
            "to their effective number",
            neutral="none",
        ),
        Hyperparameter(
            "effective_beta",
            "effective-number beta",
            _Share,
            "beta of `effective_number`; the effective number of images is at most 1 / (1 - beta)",
            neutral=0.99,
            only_with={"class_weights": ["effective_number"]},
        ),
        Hyperparameter(
            "sampling",
            "sampling",
            Literal["shuffled", "balanced"],
            "rows of an epoch: all of them in random order, or every class equally often",
            neutral="shuffled",
        ),
        Hyperparameter(
            "mixup",
            "mixup",
            Annotated[float, Ge(0), Le(10)],
            "alpha of mixup: pairs of rows are mixed, as pixels or as cached activations",
            neutral=0.0,
        ),
        Hyperparameter(
            "clip_norm",
            "gradient clipping",
            Annotated[float, Ge(0), Le(1e6)],
            "largest norm of the gradient; 0 for none",
            neutral=0.0,
        ),
        Hyperparameter(
            "ema",
            "EMA decay",
            _Share,
            "decay of the moving average of the weights that is validated and kept; 0 for none",
            neutral=0.0,
        ),
        Hyperparameter(
            "patience",
            "patience",
            Annotated[int, Ge(0), Le(10_000)],
            "epochs without improvement on validation after which training ends; 0 for never",
            neutral=0,
        ),
    )
}


def value_of(values: Mapping[str, Any], name: str) -> Any:
    """The value of a hyperparameter in a draw; the neutral one in a draw made before it existed."""
    return values[name] if name in values else HYPERPARAMETERS[name].neutral


def settled(
    values: Mapping[str, Any], trains_backbone: bool, trains_groups: bool = False
) -> dict[str, Any]:
    """A draw with the neutral value wherever a hyperparameter has no effect, so that two draws that
    train alike are one. `trains_groups`: whether more than the backbone's last group is trained."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        one = HYPERPARAMETERS[name]
        has_effect = (
            (trains_backbone or not one.of_backbone)
            and (trains_groups or not one.of_groups)
            and all(value_of(found, other) in allowed for other, allowed in one.only_with.items())
        )
        found[name] = value if has_effect else one.neutral
    return found


def keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a draw that belongs into a trial's key, in plain JSON values."""
    found = {name: plain(value) for name, value in values.items()}
    return {k: v for k, v in found.items() if v != plain(HYPERPARAMETERS[k].neutral)}


def plain(value: Any) -> Any:
    """A value as JSON has it: a tuple as a list."""
    return list(value) if isinstance(value, tuple) else value
