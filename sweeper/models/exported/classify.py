"""Load the exported network and classify images: `python classify.py IMAGE...`

Needs torch, timm, safetensors, pillow and opencv-python-headless, and nothing of the project that
trained it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import nn


class Classifier(nn.Module):
    """Pixels (B, 3, N, N), 0..255 -> class probabilities (B, classes)."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        arguments = config["timm_arguments"]
        self.backbone: Any = timm.create_model(
            config["timm_name"], pretrained=False, num_classes=0, **arguments
        )
        self.pooling, self.temperature = str(config["pooling"]), float(config["temperature"])
        self.head = _head(config["feature_dim"], config["hidden"], len(config["classes"]))
        for name in ("mean", "std"):
            value = 255 * torch.tensor(config["preprocessing"][name]).view(1, -1, 1, 1)
            self.register_buffer(name, value, persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.backbone.forward_features((pixels - self.mean) / self.std)
        pooled = features.amax((2, 3)) if self.pooling == "max" else features.mean((2, 3))
        logits: torch.Tensor = self.head(pooled)
        return (logits / self.temperature).softmax(1)


def load_model(folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """The network in eval mode, and what `config.json` says."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = Classifier(config)
    # Not strict: the file leaves out the layers of timm's own top, which are not used.
    missing, unknown = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    if unknown or any(name.startswith("head.") for name in missing):
        raise ValueError(f"model.safetensors does not fit config.json: {unknown or missing}")
    return model.eval(), config


def load_image(path: Path, config: dict[str, Any]) -> torch.Tensor:
    """An 8-bit picture as in training, (3, N, N) float32, 0..255."""
    settings = config["preprocessing"]
    with Image.open(path) as file:
        image = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    size = settings["image_size"]
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    low, high = int(image.min()), int(image.max())
    if settings["contrast"] == "stretch" and high > low:
        image = np.rint((image - np.float64(low)) / (high - low) * 255)
    elif settings["contrast"] == "weighted":
        image = np.clip(np.rint(image * 1.35 - 0.15), 0, 255)
    return torch.from_numpy(np.float32(image)).permute(2, 0, 1)


def _head(width: int, hidden: list[int], classes: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.BatchNorm1d(width, eps=1e-3), nn.Dropout(0.2)]
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(0.1)]
        layers.append(nn.BatchNorm1d(units, eps=1e-3))
        width = units
    return nn.Sequential(*layers, nn.Linear(width, classes))


def main() -> None:
    model, config = load_model(Path(__file__).resolve().parent)
    for name in sys.argv[1:]:
        with torch.no_grad():
            probabilities = model(load_image(Path(name), config)[None])[0].tolist()
        pairs = zip(config["classes"], probabilities, strict=True)
        print(json.dumps({"image": name, "probabilities": dict(pairs)}))


if __name__ == "__main__":
    main()
