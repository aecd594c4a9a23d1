"""The README of an exported champion: what it is, its results, its limits, and how to load it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.derived.operating_points import SHARES
from reports.wording import plural

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
_KINDS = {"exact": "exact copies", "near": "near-copies", "user": "pairs of the user's groups"}
_HASHES = {
    "manifest_hash": "images",
    "split_key": "division",
    "shards_key": "preprocessed images",
    "backbone_key": "initial weights",
    "trial_key": "training",
}


def model_card(config: dict[str, Any], onnx: bool) -> str:
    """The card as Markdown. `config`: the contents of `config.json`."""
    preprocessing, evidence = config["preprocessing"], config["evidence"]
    classes = "\n".join(f"{i}. {name}" for i, name in enumerate(config["classes"]))
    onnx_text = _ONNX.format(size=preprocessing["image_size"], classes=len(config["classes"]))
    return f"""\
# {config["timm_name"]}: {len(config["classes"])} classes

Champion of the cell `{config["cell"]}` of the sweep `{config["run"]}` (project at
`{config["git_commit"] or "unknown"}`).

{_results(config)}

Outputs, in this order (numbered from 0):

{classes}

It was chosen on validation images and tested once. It is not a medical device. Expect lower
accuracy on images from other sources.

{_operating_points(evidence["operating_points"])}\
{_subgroups(evidence["subgroups"])}\
## How the test set was kept apart

{_test_set(evidence["test_set"])}

## Data

{_data(evidence["data"])}

## Load

{_LOAD}{onnx_text if onnx else ""}

Weights in `model.safetensors`: `backbone.*` is the state of timm's `{config["timm_name"]}` without
its classifier (`num_classes=0`), `head.*` that of the head. Preprocessing:
{preprocessing["image_size"]} x {preprocessing["image_size"]} pixels ({preprocessing["resize"]}),
{_steps(preprocessing)}.
"""


def shown_metric(metric: Mapping[str, Any]) -> str:
    """'43.8 % (95 % interval 23.1 to 66.8)' or '1.959 nats', of a metric of `evidence`."""
    if metric["value"] is None:
        return "unknown"
    factor, decimals, unit = (100, 1, "%") if metric["percent"] else (1, 3, metric["unit"])
    text = f"{factor * metric['value']:.{decimals}f} {unit}".rstrip()
    if metric["low"] is None:
        return text
    low, high = (f"{factor * metric[end]:.{decimals}f}" for end in ("low", "high"))
    return f"{text} (95 % interval {low} to {high})"


def _results(config: dict[str, Any]) -> str:
    metrics, evidence = config["metrics"], config["evidence"]
    metric, calibration = evidence["metric"], evidence["calibration"]
    policy = evidence["test_set"]
    rows = [("test accuracy", f"{shown_share(evidence['accuracy'])} on {metrics['n_test']} rows")]
    if metric["name"] != "accuracy":
        rows.append((f"{metric['title']}, which validation decided by", shown_metric(metric)))
    rows += [
        (
            "validation accuracy",
            f"{shown_percent(metrics['val_accuracy'])} on {metrics['n_val']} rows",
        ),
        ("macro F1, AUROC", f"{_number(metrics['macro_f1'])}, {_number(metrics['auroc'])}"),
        ("calibration", _calibration(calibration)),
        ("split", f"{policy['policy']}: {_about(policy)}"),
        ("initial weights", config["weights_source"]),
        ("trained", f"{config['trained']['strategy']} on {config['trained']['n_train']} rows"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def _calibration(scores: Mapping[str, Any]) -> str:
    """The probabilities are divided by the temperature that validation fitted."""
    ece, log_loss = scores["ece"]["value"], scores["log_loss"]["value"]
    return (
        f"temperature {scores['temperature']:.3g}, fitted on validation; calibration error (ECE) "
        f"on test rows {_number(scores['ece_scaled'])}, {_number(ece)} without it; log loss "
        f"{_number(scores['log_loss_scaled'])}, {_number(log_loss)} without it"
    )


def _operating_points(points: Sequence[Mapping[str, Any]]) -> str:
    if not points:
        return ""
    lines = [
        "## Operating points",
        "",
        f"An image counts as of a class from the threshold on, which validation chose by "
        f"{points[0]['rule']}; the other columns are of the test rows, with 95 % intervals.",
        "",
        "| class | threshold | sensitivity | specificity | PPV | NPV |",
        "|---|---|---|---|---|---|",
    ]
    for point in points:
        cells = [_cell(point["label"]), shown_percent(point["threshold"], 1)]
        cells += [shown_share(point["test"].get(name)) for name in SHARES]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", ""])


def _subgroups(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "## Subgroups of the test images",
        "",
        "Accuracy, mean over all trainings of this configuration. The groups of subgroups marked "
        "with * are fewer than 20; such subgroups are not compared.",
        "",
        "| column | subgroup | images | accuracy |",
        "|---|---|---|---|",
    ]
    for row in rows:
        if row["metric"] == "accuracy":
            level = _cell(row["level"] or "unknown") + ("" if row["compared"] else " *")
            cells = [_cell(row["column"]), level, str(row["images"]), shown_share(row)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", ""])


def _test_set(facts: Mapping[str, Any]) -> str:
    return "\n".join(f"- {line}" for line in _test_set_lines(facts))


def _test_set_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"Split policy `{facts['policy']}`, seed {facts['seed']}: {_about(facts)}."
    sizes = [
        f"{name} {plural(own['images'], 'image')} in {plural(own['groups'], 'group')}"
        for name in ("train", "val", "test")
        if (own := facts["parts"].get(name))
    ]
    if sizes:
        yield f"Parts: {', '.join(sizes)}."
    kept = ["exact copies"]
    kept += ["near-copies"] if facts["near_copies_looked_for"] else []
    kept += ["the patient ids of DICOM files"] if facts["patient_id_used"] else []
    kept += [f"`data.group_by: {facts['group_by']}`"] if facts["group_by"] else []
    yield f"Groups are made of {', '.join(kept)}."
    pairs = [f"{count} {_KINDS.get(kind, kind)}" for kind, count in facts["pairs_found"].items()]
    yield f"Found among the images: {', '.join(pairs) or 'no copies'}."
    if facts["leaked_rows"] is not None:
        yield f"Test rows with a copy or a group mate in training: {facts['leaked_rows']}."


def _data(facts: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in facts["images_per_class"].items())
    hashes = [f"| {title} | `{facts[name]}` |" for name, title in _HASHES.items()]
    return "\n".join(
        [
            f"{facts['images']} images ({counts}); {facts['excluded']} files excluded.",
            "",
            "| hash of | |",
            "|---|---|",
            *hashes,
        ]
    )


def _cell(text: str) -> str:
    """Text within a table."""
    return text.replace("|", "\\|")


def _steps(preprocessing: dict[str, Any]) -> str:
    words = ["colours replaced by luminance"] if preprocessing["grey"] else []
    words.append(f"contrast `{preprocessing['contrast']}`")
    if preprocessing["clahe"] is not None:
        words.append(f"CLAHE with clip limit {preprocessing['clahe']:g}")
    return ", ".join(words)


def _about(policy: Mapping[str, Any]) -> str:
    return f"{policy['meaning']}. {policy['caveat']}".strip(". ")


def shown_share(estimate: Mapping[str, Any] | None) -> str:
    """'81 % (95 % interval 62 to 92)'."""
    if not estimate or estimate["value"] is None:
        return "unknown"
    text = shown_percent(estimate["value"])
    if estimate["low"] is None:
        return text
    return f"{text} (95 % interval {100 * estimate['low']:.0f} to {100 * estimate['high']:.0f})"


def shown_percent(value: float | None, decimals: int = 0) -> str:
    return "unknown" if value is None else f"{100 * value:.{decimals}f} %"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
