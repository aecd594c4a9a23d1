"""Export a champion as files independent of this project: weights, config, loader, card, ONNX."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from datasets.preprocess import FITS, resampling
from reports.axes import TRAININGS
from reports.metrics import METRICS
from sweeper.errors import StoreError
from sweeper.run.champions import champion_network
from sweeper.run.parts import TrialParts
from sweeper.store.store import Store
from sweeper.use.bundle import write_classifier
from sweeper.use.chosen import ChosenCell
from sweeper.use.evidence import evidence_of
from sweeper.use.exported import classify
from sweeper.use.finished import FinishedRun
from sweeper.use.model_card import model_card
from trainables.backbones import Backbone, typed
from trainables.explain import Score
from trainables.weights_file import write_weights

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_ONNX_OPSET = 20
_TOLERANCE = 1e-3  # on probabilities; rounding between runtimes differs by some 1e-6
_METRICS = ("val_accuracy", *(metric.name for metric in METRICS))
_TRAINED = ("split_policy", "augmentation", "strategy", *TRAININGS)


def export_champion(
    run: FinishedRun, chosen: ChosenCell, store: Store, out: Path, onnx: bool = False
) -> list[Path]:
    """Write the files and return them. The exported network is loaded again and compared.

    Raises StoreError if `out` cannot be written to, or packages for ONNX are missing.
    """
    if onnx:
        check_onnx()
    parts = TrialParts(chosen.spec, store)
    backbone, weights = parts.backbone, parts.weights(chosen.spec.key)
    config = exported_config(run, chosen, backbone, weights)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_weights(_state(chosen, backbone, weights), out / "model.safetensors")
        (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        code = write_classifier(out)
        (out / "README.md").write_text(model_card(config, onnx), encoding="utf-8")
        files = [out / "model.safetensors", out / "config.json", *code]
        model, _ = classify.load_model(out)
        check_same(model, chosen, store, config["preprocessing"]["image_size"])
        if onnx:
            files.append(write_onnx(model, config["preprocessing"]["image_size"], out))
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise StoreError(f"--out '{out}': cannot be written to ({reason})") from None
    return [*files, out / "README.md"]


def check_onnx() -> None:
    """Raise StoreError if a package for ONNX is not installed."""
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        project = Path(__file__).resolve().parents[2]
        arguments = ["-c", str(project / "constraints.txt"), f"{project}[export]"]
        install = shlex.join([sys.executable, "-m", "pip", "install", *arguments])
        raise StoreError(
            f"--onnx: needs {', '.join(missing)}; install with {install}, or omit --onnx"
        )


def exported_config(
    run: FinishedRun, chosen: ChosenCell, backbone: Backbone, weights: Mapping[str, Tensor]
) -> dict[str, Any]:
    """The contents of `config.json`."""
    row, interval = chosen.row, chosen.interval
    steps = run.preprocessing(chosen.cell.backbone)
    normalise = backbone.normalise
    arguments = timm_arguments(chosen)
    return {
        "classes": chosen.classes,
        "timm_name": backbone.spec.timm_name,
        "timm_arguments": arguments,
        "pooling": chosen.spec.settings["pooling"],
        **chosen.spec.entry.exported(chosen.spec, weights),
        "temperature": chosen.temperature,
        "preprocessing": {
            **asdict(steps),
            "resize": f"{FITS[steps.fit]}; {resampling(steps)}",
            "mean": (normalise.mean.flatten() / 255).tolist(),
            "std": (normalise.std.flatten() / 255).tolist(),
        },
        "weights_source": row["weights"],
        "trained": {name: row[name] for name in _TRAINED}
        | chosen.spec.identity["hyperparameters"]
        | dict(chosen.spec.settings)
        | {"best_epoch": row["best_epoch"], "n_train": row["n_train"]},
        "metrics": {name: row[name] for name in _METRICS}
        | {"n_test": row["n_test"], "n_val": row["n_val"]}
        | {"accuracy_interval": [interval.low, interval.high] if interval else None},
        "evidence": evidence_of(run, chosen),
        "cell": chosen.cell.id,
        "trial": chosen.spec.key,
        "run": run.config.name,
        "git_commit": run.about.get("git_commit", ""),
        "versions": run.about.get("versions", {}),
    }


def timm_arguments(chosen: ChosenCell) -> dict[str, Any]:
    """timm's model arguments, without mean and std, which are part of the preprocessing."""
    given = typed({k: v for k, v in chosen.spec.model_args if k not in ("mean", "std")})
    return given | chosen.spec.backbone_spec.size_arguments


def _state(
    chosen: ChosenCell, backbone: Backbone, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The weights: `backbone.*` under timm's names, and `head.*`."""
    state = backbone.state()
    state |= chosen.spec.entry.backbone_names(chosen.spec, weights)
    head = {k: v for k, v in weights.items() if k.startswith("head.")}
    named = {f"backbone.{backbone.timm_name(k)}": v for k, v in state.items()}
    return {k: v.contiguous().clone() for k, v in (named | head).items()}


@torch.no_grad()
def check_same(model: nn.Module, chosen: ChosenCell, store: Store, size: int) -> None:
    """Raises RuntimeError where the exported network is not the trained one."""
    network = champion_network(TrialParts(chosen.spec, store))
    trained = Score(network, "probability", chosen.temperature)
    pixels = _noise(size)
    _compare("the exported network", model(pixels), trained(pixels))


@torch.no_grad()
def write_onnx(model: nn.Module, size: int, out: Path) -> Path:
    """Write `model.onnx`, and compare its outputs under onnxruntime with torch's.

    It maps pixels (batch, 3, N, N) float32 0..255 to probabilities.
    """
    import onnxruntime

    path, pixels = out / "model.onnx", _noise(size)
    torch.onnx.export(
        model,
        (pixels,),
        path,
        input_names=["pixels"],
        output_names=["probabilities"],
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch", min=1)}},
        opset_version=_ONNX_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, len(pixels)):  # the batch size is dynamic
        (found,) = session.run(None, {"pixels": pixels[:count].numpy()})
        _compare("model.onnx", torch.from_numpy(found), model(pixels[:count]))
    return path


def _noise(size: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand((3, 3, size, size), generator=generator)


def _compare(name: str, found: Tensor, expected: Tensor) -> None:
    difference = float((found - expected).abs().max())
    if not difference <= _TOLERANCE:
        raise RuntimeError(
            f"{name}: probabilities differ from the trained network's by {difference}"
        )
