"""Export a champion as files independent of this project: weights, config, loader, card, ONNX."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from sweeper.use.exported.classify import Classifier
from sweeper.use.finished import FinishedRun
from sweeper.use.model_card import model_card
from sweeper.use.onnx_file import check_onnx, compare, export_onnx, noise, run_onnx
from sweeper.use.web.export import write_web
from sweeper.use.web.runtime import check_runtime
from trainables.backbones import Backbone, typed
from trainables.explain import Score
from trainables.weights_file import write_weights

_METRICS = ("val_accuracy", *(metric.name for metric in METRICS))
_TRAINED = ("split_policy", "augmentation", "strategy", *TRAININGS)


def export_champion(
    run: FinishedRun,
    chosen: ChosenCell,
    store: Store,
    out: Path,
    onnx: bool = False,
    web: bool = False,
) -> list[Path]:
    """Write the files and return them. Everything is loaded again and compared with the trained
    network first: where something differs, nothing is written to `out`.

    Raises StoreError if `out` cannot be written to, or something that ONNX or the web page needs is
    missing; RuntimeError where an exported network differs from the trained one.
    """
    if onnx or web:
        check_onnx("--onnx" if onnx else "--web")
    if web:
        check_runtime()
    parts = TrialParts(chosen.spec, store)
    backbone, weights = parts.backbone, parts.weights(chosen.spec.key)
    config = exported_config(run, chosen, backbone, weights)
    side = config["preprocessing"]["image_size"]
    try:
        with checked_folder(out) as folder:
            write_weights(_state(chosen, backbone, weights), folder / "model.safetensors")
            text = json.dumps(config, indent=1) + "\n"
            (folder / "config.json").write_text(text, encoding="utf-8")
            write_classifier(folder)
            (folder / "README.md").write_text(model_card(config, onnx), encoding="utf-8")
            model, _ = classify.load_model(folder)
            check_same(model, chosen, store, side)
            if onnx:
                _write_onnx(model, side, folder)
            if web:
                write_web(run, chosen, parts, model, config, folder)
            written = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())
        raise StoreError(f"--out '{out}': cannot be written to ({reason})") from None
    return [out / path for path in sorted(written)]


@contextmanager
def checked_folder(out: Path) -> Iterator[Path]:
    """A folder beside `out` whose files move into it if the block ends without an error."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / f".{out.name}.{os.getpid()}.part"
    try:
        folder.mkdir()
        yield folder
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            target = out / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    pixels = noise(size)
    compare("the exported network", model(pixels), trained(pixels))


def _write_onnx(model: Classifier, size: int, out: Path) -> Path:
    """Write `model.onnx`, and compare its outputs under onnxruntime with torch's.

    It maps pixels (batch, 3, N, N) float32 0..255 to probabilities.
    """
    path, pixels = out / "model.onnx", noise(size)
    export_onnx(model, pixels, path, ["probabilities"])
    with torch.no_grad():
        expected = model(pixels)
    for count in (1, len(pixels)):  # the batch size is dynamic
        (found,) = run_onnx(path, pixels[:count])
        compare("model.onnx", found, expected[:count])
    return path
