"""The layers of a network in groups from input to output, as timm describes them.

timm's `group_matcher` sorts the parameters of a model into its stem and its blocks. Fine-tuning in
depth cuts between two groups, and learning rates may differ from group to group.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from torch import nn

BY_MATCHER, BY_NAMES = "timm's group_matcher", "the numbered blocks of timm's module names"
_BLOCK = re.compile(r"^(.*?\.\d+)(?:\.|$)")


def layer_groups(model: nn.Module, of_features: Collection[str]) -> list[list[str]]:
    """Parameter names of a timm model, in groups from input to output.

    `of_features`: the parameters that `forward_features` uses. The others, and a group that holds
    nothing but normalisation, belong to the group before them.
    """
    groups: list[list[str]] = []
    shapes = {name: value.ndim for name, value in model.named_parameters()}
    for names in _matched(model):
        has_weights = any(name in of_features and shapes[name] > 1 for name in names)
        if groups and not has_weights:
            groups[-1] += names
        else:
            groups.append(list(names))
    return groups


def described_by(model: nn.Module) -> str:
    """Where the groups of a model come from."""
    return BY_MATCHER if hasattr(model, "group_matcher") else BY_NAMES


def first_of_depth(groups: Sequence[Sequence[str]], depth: str) -> int:
    """The number of the first group that a depth trains: of `last` the last group, of `half` the
    first of the later half."""
    return len(groups) - 1 if depth == "last" else math.ceil(len(groups) / 2)


def _matched(model: nn.Module) -> list[list[str]]:
    names = [name for name, _ in model.named_parameters()]
    if not hasattr(model, "group_matcher"):
        by_block: dict[str, list[str]] = {}
        for name in names:
            found = _BLOCK.match(name)
            by_block.setdefault(found[1] if found else name.partition(".")[0], []).append(name)
        return list(by_block.values())
    from timm.models._manipulate import group_with_matcher

    matcher = model.group_matcher(coarse=False)  # type: ignore[operator]
    pairs = ((name, name) for name in names)
    numbered: dict[int, list[str]] = group_with_matcher(pairs, matcher)
    return [numbered[number] for number in sorted(numbered)]
