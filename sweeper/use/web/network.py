"""The network of the web page as ONNX: pixels to probabilities and to the distance that tells
whether an image is unlike the training images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.run.parts import TrialParts
from sweeper.use.chosen import ChosenCell
from sweeper.use.exported.classify import Classifier
from sweeper.use.novelty import Novelty, Reference
from sweeper.use.onnx_file import compare, export_onnx, noise, run_onnx, share_equal_parts
from sweeper.use.prediction import Predictor

_DISTANCE_TOLERANCE = 1e-3  # relative


class PageNetwork(nn.Module):
    """Pixels (B, 3, N, N), 0..255 -> probabilities (B, classes) and distances (B,)."""

    mean: Tensor
    scale: Tensor  # (C,) deviation times sqrt(C)
    known: Tensor  # (n, C), training features, scaled

    def __init__(self, trained: Classifier, frozen: Classifier, reference: Reference) -> None:
        """`frozen`: a network with the initial backbone, whose features are compared; `trained`
        itself if its backbone was not trained."""
        super().__init__()
        self.trained, self.frozen = trained, frozen
        width = reference.training.shape[1]
        self.register_buffer("mean", torch.from_numpy(reference.scale.mean).float())
        deviation = torch.from_numpy(reference.scale.deviation).float()
        self.register_buffer("scale", deviation * width**0.5)
        self.register_buffer("known", torch.from_numpy(reference.training).float())

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features = (self.frozen.features(pixels) - self.mean) / self.scale
        squared = (features**2).sum(1, keepdim=True) + (self.known**2).sum(1)
        squared = squared - 2 * features @ self.known.T
        return self.trained(pixels), squared.amin(1).clamp(min=0).sqrt()


def write_page_network(
    model: Classifier, chosen: ChosenCell, parts: TrialParts, novelty: Novelty | None, path: Path
) -> None:
    """Write the ONNX file and compare it with the trained network and with `predict`'s distances.

    Raises RuntimeError where they differ.
    """
    side = parts.backbone.spec.image_size
    pixels, outputs = noise(side), ["probabilities"]
    network: nn.Module = model
    if novelty is not None:
        network = PageNetwork(model, _frozen(model, parts), novelty.reference)
        outputs.append("distance")
    export_onnx(network.eval(), pixels, path, outputs)
    share_equal_parts(path)
    images = pixels.permute(0, 2, 3, 1).byte().numpy()
    whole = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    expected = Predictor(chosen, parts.store).probabilities(images)
    for count in (1, len(images)):  # the batch size is dynamic
        found = run_onnx(path, whole[:count])
        compare("the page's network", found[0], expected[:count])
        if novelty is not None:
            _compare_distances(found[1], novelty.distances(images[:count]))


def _frozen(model: Classifier, parts: TrialParts) -> Classifier:
    """The same network with the initial backbone; tensors that are equal in both are shared."""
    if not parts.spec.entry.trains_backbone:
        return model
    frozen = Classifier(model.config)
    backbone = TrialParts(parts.spec, parts.store).backbone
    state = {f"backbone.{backbone.timm_name(k)}": v for k, v in backbone.state().items()}
    frozen.load_state_dict(state, strict=False)
    _share_tensors(frozen.backbone, dict(model.backbone.state_dict(keep_vars=True)))
    return frozen.eval()


def _share_tensors(module: nn.Module, others: Mapping[str, Any]) -> None:
    for name, tensor in module.state_dict(keep_vars=True).items():
        other = others[name]
        if torch.equal(tensor, other):
            owner, _, attribute = name.rpartition(".")
            setattr(module.get_submodule(owner), attribute, other)


def _compare_distances(found: np.ndarray, expected: np.ndarray) -> None:
    difference = float(np.abs(found / expected - 1).max())
    if not difference <= _DISTANCE_TOLERANCE:
        raise RuntimeError(
            f"the page's network: distances differ from predict's by the factor {1 + difference}"
        )
