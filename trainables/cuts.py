"""Where a network is cut before what fine-tuning trains."""

from __future__ import annotations

from trainables.registry import BackboneSpec
from trainables.remembered import remembered


@remembered(lambda fields: BackboneSpec(**fields))
def resolve(spec: BackboneSpec, depth: str, model_args: dict[str, str]) -> BackboneSpec:
    """The spec with the cut of a depth of fine-tuning, `last` or `half`, from timm's layer groups.

    Where the network cannot be cut there, the cut moves towards the input; `suffix_from` is empty
    where it cannot be cut at all. The registry's cut is `last` for the paper's five.

    Raises WeightsError: the network cannot process images of `spec.image_size`.
    """
    from trainables.backbones import resolve_cut  # imports torch: seconds

    return resolve_cut(spec, depth, model_args)
