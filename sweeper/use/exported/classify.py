"""Load the exported network and classify images: `python classify.py IMAGE...`

Needs torch, timm, safetensors, numpy, pillow and opencv-python-headless, for DICOM also pydicom and
imagecodecs, but not the project that trained it. `image_preparation/` beside it is the project's
own code for reading image files, so that images are preprocessed as in training.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `python -I` omits it

try:
    import timm
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import nn

    from datasets.decoding.decode import decode_image, read_file
    from datasets.errors import DataError
    from datasets.preprocess import Preprocessing, preprocess
except ModuleNotFoundError as error:
    if __name__ != "__main__":
        raise
    print(f"error: needs the package {error.name}: pip install {error.name}", file=sys.stderr)
    sys.exit(2)

SOME_FAILED, FAILED = 1, 2  # exit codes


class Classifier(nn.Module):
    """Pixels (B, 3, N, N), 0..255 -> class probabilities (B, classes)."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        self.config = config
        arguments = config["timm_arguments"]
        self.backbone: Any = timm.create_model(
            config["timm_name"], pretrained=False, num_classes=0, **arguments
        )
        self.pooling, self.temperature = str(config["pooling"]), float(config["temperature"])
        self.head = HEADS[config["head"]](config)
        for name in ("mean", "std"):
            value = 255 * torch.tensor(config["preprocessing"][name]).view(1, -1, 1, 1)
            self.register_buffer(name, value, persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(pixels))
        return (logits / self.temperature).softmax(1)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pooled features of the backbone (B, C)."""
        return self._pooled(self.backbone.forward_features((pixels - self.mean) / self.std))

    def _pooled(self, features: torch.Tensor) -> torch.Tensor:
        """(B, C), by the network itself, or over all positions of a map or all image tokens."""
        if self.pooling == "model":
            pooled: torch.Tensor = self.backbone.forward_head(features, pre_logits=True)
            return pooled
        if features.ndim == 3:  # (B, L, C), after the class and register tokens
            positions = features[:, int(getattr(self.backbone, "num_prefix_tokens", 0)) :]
        elif str(getattr(self.backbone, "output_fmt", None)) == "NHWC":
            positions = features.flatten(1, 2)
        else:
            positions = features.flatten(2).transpose(1, 2)
        return positions.amax(1) if self.pooling == "max" else positions.mean(1)


def load_model(folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """The network in eval mode, and the contents of `config.json`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = Classifier(config)
    # Not strict: the file omits timm's own classifier layers, which are not used.
    missing, unknown = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    if unknown or any(name.startswith("head.") for name in missing):
        raise ValueError(f"model.safetensors does not fit config.json: {unknown or missing}")
    return model.eval(), config


def load_image(path: Path, config: dict[str, Any]) -> torch.Tensor:
    """Read and preprocess an image as in training: (3, N, N) float32, 0..255.

    Raises:
        DataError: in one line, why the file cannot be read as an image.
    """
    settings = config["preprocessing"]
    try:
        image = decode_image(read_file(path))
    except ModuleNotFoundError as error:
        install = "pip install pydicom imagecodecs"
        raise DataError(f"a DICOM file, which needs {error.name}: {install}") from None
    pixels = preprocess(image, Preprocessing.of(settings))
    return torch.from_numpy(pixels).permute(2, 0, 1).float()


def _layers(config: dict[str, Any]) -> nn.Module:
    width = config["feature_dim"]
    layers: list[nn.Module] = [nn.BatchNorm1d(width, eps=1e-3), nn.Dropout(0.2)]
    for units in config["hidden"]:
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(0.1)]
        layers.append(nn.BatchNorm1d(units, eps=1e-3))
        width = units
    return nn.Sequential(*layers, nn.Linear(width, len(config["classes"])))


def _linear(config: dict[str, Any]) -> nn.Module:
    return nn.Linear(config["feature_dim"], len(config["classes"]))


class Neighbours(nn.Module):
    """Vote of the k training rows whose standardised features have the largest cosine."""

    mean: torch.Tensor
    scale: torch.Tensor
    features: torch.Tensor  # (rows, C), standardised, of length 1
    votes: torch.Tensor  # (rows, classes), one-hot labels
    prior: torch.Tensor  # (classes,)
    temperature: torch.Tensor

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, rows, classes = config["feature_dim"], config["training_rows"], config["classes"]
        self.k = int(config["neighbours"])
        for name, shape in {
            "mean": (width,),
            "scale": (width,),
            "features": (rows, width),
            "votes": (rows, len(classes)),
            "prior": (len(classes),),
            "temperature": (),
        }.items():
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("neighbours", torch.tensor(self.k))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        rows = nn.functional.normalize((features - self.mean) / self.scale)
        similarity, nearest = (rows @ self.features.T).topk(self.k)
        weights = (similarity / self.temperature).softmax(1)
        shares = (weights[..., None] * self.votes[nearest]).sum(1)
        return ((self.k * shares + self.prior) / (self.k + 1)).log()


HEADS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "layers": _layers,
    "linear": _linear,
    "neighbours": Neighbours,
}


def main() -> int:
    """Print a JSON line for each image; returns 0, 1 if some cannot be read, 2 if none can."""
    paths = _arguments().images
    try:
        model, config = load_model(Path(__file__).resolve().parent)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        print(f"error: the exported files cannot be loaded: {_line(error)}", file=sys.stderr)
        return FAILED
    read = sum(_classify(path, model, config) for path in paths)
    return 0 if read == len(paths) else SOME_FAILED if read else FAILED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Class probabilities of images by the exported network, one JSON line each.",
        epilog="Exit code: 0, 1 if some images cannot be read, 2 if none can.",
    )
    kinds = "JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM files"
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help=kinds)
    return parser.parse_args()


def _classify(path: Path, model: Classifier, config: dict[str, Any]) -> bool:
    """Print the probabilities of an image, or why it cannot be read; returns whether it can."""
    try:
        pixels = load_image(path, config)
    except DataError as error:
        print(f"error: image '{path}': {_line(error)}", file=sys.stderr)
        return False
    with torch.no_grad():
        probabilities = model(pixels[None])[0].tolist()
    pairs = zip(config["classes"], probabilities, strict=True)
    print(json.dumps({"image": str(path), "probabilities": dict(pairs)}))
    return True


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main())
