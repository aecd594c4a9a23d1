"""Folders of class folders with small pictures, and configs that point at them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml
from PIL import Image


def write_images(root: Path, counts: Mapping[str, int], side: int = 40) -> Path:
    """Write `root/<class>/<number>.png`, every picture another one."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = np.random.default_rng([*name.encode(), number]).integers(0, 256, (side, side))
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


def write_config(folder: Path, images: Path) -> str:
    """Write a config of four cells, one backbone with random weights; returns its path."""
    config = {
        "name": "four-cells",
        "store": str(folder / "store"),
        "data": {"path": str(images)},
        "preprocess": {"image_size": 32},
        "augmentations": {"fec-ige": {"copies": 1}},
        "grid": {"backbones": ["mobilenet"]},
        "weights": {"mobilenet": "none"},
        "search": {"draws": 2, "epochs": 3, "scheduler": "none"},
        "explain": {"examples": 0},
        "robustness": {"champions": "none"},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)
