"""What a backbone computes and stores for one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from trainables.registry import BackboneSpec
from trainables.remembered import remembered


@dataclass(frozen=True)
class NetworkSize:
    """Of one image; `*_macs` are multiply-adds of a forward pass."""

    prefix_macs: float
    suffix_macs: float
    feature_dim: int
    prefix_values: int  # numbers of a row of the prefix table
    parameters: int
    suffix_parameters: int
    largest_layer: int  # numbers that the largest layer's output holds
    all_layers: int  # numbers that the outputs of all layers with weights hold
    prefix_shape: tuple[int, ...] = ()

    @property
    def macs(self) -> float:
        return self.prefix_macs + self.suffix_macs


def _restored(fields: dict[str, Any]) -> NetworkSize:
    return NetworkSize(**{**fields, "prefix_shape": tuple(fields["prefix_shape"])})


@remembered(_restored)
def network_size(spec: BackboneSpec, model_args: dict[str, str]) -> NetworkSize:
    """The sizes of a backbone on images of `spec.image_size`.

    Raises WeightsError for arguments timm does not take.
    """
    from trainables.counting import count_network  # imports torch: seconds

    return count_network(spec, model_args)


def head_macs(feature_dim: int, hidden: Sequence[int], classes: int) -> float:
    """Multiply-adds, and as many parameters, of a head's linear layers."""
    widths = [feature_dim, *hidden, classes]
    return float(sum(a * b for a, b in pairwise(widths)))
