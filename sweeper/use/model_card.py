"""The README of an exported champion: what it is, its metrics, and how to load it."""

from __future__ import annotations

from typing import Any

from datasets.splitting.policies import POLICIES

_LOAD = """\
```python
from pathlib import Path
from classify import load_image, load_model  # classify.py is in this folder

model, config = load_model(Path("."))  # torch, timm, safetensors
probabilities = model(load_image(Path("image.jpg"), config)[None])[0]
```

or `python classify.py IMAGE...`. `image_preparation/` beside it is the project's own code for
reading image files: JPEG, PNG, TIFF, WebP, BMP, GIF and, with pydicom and imagecodecs installed,
DICOM are preprocessed as in training. It needs numpy, pillow and opencv-python-headless."""
_ONNX = """

`model.onnx` takes `pixels`, (batch, 3, {size}, {size}) float32, 0..255, preprocessed as by
`load_image`, and returns `probabilities`, (batch, {classes})."""


def model_card(config: dict[str, Any], onnx: bool) -> str:
    """The card as Markdown. `config`: the contents of `config.json`."""
    metrics, preprocessing = config["metrics"], config["preprocessing"]
    policy = config["trained"]["split_policy"]
    classes = "\n".join(f"{i}. {name}" for i, name in enumerate(config["classes"]))
    onnx_text = _ONNX.format(size=preprocessing["image_size"], classes=len(config["classes"]))
    return f"""\
# {config["timm_name"]}: {len(config["classes"])} classes

Champion of the cell `{config["cell"]}` of the sweep `{config["run"]}` (project at
`{config["git_commit"] or "unknown"}`).

| | |
|---|---|
| test accuracy | {_percent(metrics["accuracy"])}{_interval(metrics)} on {metrics["n_test"]} rows |
| validation accuracy | {_percent(metrics["val_accuracy"])} on {metrics["n_val"]} rows |
| macro F1, AUROC | {_number(metrics["macro_f1"])}, {_number(metrics["auroc"])} |
| calibration error (ECE) | {_number(metrics["ece"])}, temperature {config["temperature"]:g} |
| split | {policy}: {_about(policy)} |
| initial weights | {config["weights_source"]} |
| trained | {config["trained"]["strategy"]} on {config["trained"]["n_train"]} rows |

Outputs, in this order (numbered from 0):

{classes}

It was chosen on validation images and tested once. It is not a medical device. Expect lower
accuracy on images from other sources.

## Load

{_LOAD}{onnx_text if onnx else ""}

Weights in `model.safetensors`: `backbone.*` is the state of timm's `{config["timm_name"]}` without
its classifier (`num_classes=0`), `head.*` that of the head. Preprocessing:
{preprocessing["image_size"]} x {preprocessing["image_size"]} pixels ({preprocessing["resize"]}),
{_steps(preprocessing)}.
"""


def _steps(preprocessing: dict[str, Any]) -> str:
    words = ["colours replaced by luminance"] if preprocessing["grey"] else []
    words.append(f"contrast `{preprocessing['contrast']}`")
    if preprocessing["clahe"] is not None:
        words.append(f"CLAHE with clip limit {preprocessing['clahe']:g}")
    return ", ".join(words)


def _about(policy: str) -> str:
    one = POLICIES[policy]
    return f"{one.meaning}. {one.caveat}".strip() if one.caveat else one.meaning


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.0f} %"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _interval(metrics: dict[str, Any]) -> str:
    interval = metrics["accuracy_interval"]
    if not interval:
        return ""
    return f" (95 % interval {100 * interval[0]:.0f} to {100 * interval[1]:.0f})"
