"""The command `python sweep.py predict RUN IMAGE...`: class probabilities by a run's champion."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.errors import DataError
from sweeper.errors import StoreError
from sweeper.models.finished import FinishedRun, read_run
from sweeper.paths import typed_path

if TYPE_CHECKING:
    from sweeper.models.chosen import Chosen
    from sweeper.models.prediction import Prediction

_TEXT = (
    "class probabilities of images by the run's best champion: of the most trustworthy split "
    "policy, with the most classes, with the best validation accuracy"
)


def add_predict(commands: Any) -> None:
    """Add the command to the subparsers of `sweep.py`."""
    parser = commands.add_parser(
        "predict", help="class probabilities of new images", description=_TEXT
    )
    parser.add_argument("run", type=typed_path, metavar="RUN", help="the run's folder")
    parser.add_argument("images", type=typed_path, metavar="IMAGE", nargs="+", help="image files")
    add_choice(parser)
    parser.add_argument("--explain", action="store_true", help="draw what spoke for the class")
    parser.add_argument("--out", type=typed_path, help="where the drawings go; RUN/explained")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(work=predict_images)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments that choose a cell of a run."""
    parser.add_argument("--cell", help="another cell: its id, or its anchor in the report")
    parser.add_argument("--store", help="the run's store, where it is not where it was")


def predict_images(options: argparse.Namespace, command: str) -> int:
    """Print the probabilities; 0."""
    run = read_run(options.run)
    _refuse_missing(options.images)
    from sweeper.models.chosen import choose  # a mistake above is told at once
    from sweeper.models.prediction import predict, write_overlays
    from sweeper.store import Store

    store = Store(options.store or run.config.store, to_write=False)
    chosen = choose(run, store, options.cell)
    predictions = predict(chosen, store, options.images, run.config.preprocess)
    drawings: list[Path] = []
    if options.explain:
        folder = options.out or run.folder / "explained"
        section = run.config.preprocess
        try:
            drawn = write_overlays(predictions, chosen, store, section, run.config.explain, folder)
            drawings = list(drawn)
        except OSError as error:
            raise StoreError(f"--out '{folder}': cannot be written to ({error.strerror})") from None
    tell = _print_json if options.json else _print_text
    tell(run, chosen, predictions, drawings)
    return 0


def _refuse_missing(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise DataError(f"image '{path}': no such file")


def _print_text(
    run: FinishedRun, chosen: Chosen, predictions: Sequence[Prediction], drawings: Sequence[Path]
) -> None:
    print(chosen.summary())
    for warning in _warnings(run, chosen):
        print(f"warning: {warning}")
    width = max(len(name) for name in chosen.classes)
    for number, prediction in enumerate(predictions):
        print(f"\n{prediction.path}")
        pairs = zip(chosen.classes, prediction.probabilities, strict=True)
        for name, probability in sorted(pairs, key=lambda pair: -pair[1]):
            print(f"    {name:<{width}} {100 * probability:5.1f} %")
        if drawings:
            print(f"    explained in {drawings[number]}")


def _print_json(
    run: FinishedRun, chosen: Chosen, predictions: Sequence[Prediction], drawings: Sequence[Path]
) -> None:
    interval = chosen.interval
    images = [
        {
            "path": str(prediction.path),
            "predicted": chosen.classes[prediction.best],
            "probabilities": dict(zip(chosen.classes, prediction.probabilities, strict=True)),
            "explanation": str(drawings[number]) if drawings else None,
        }
        for number, prediction in enumerate(predictions)
    ]
    told = {
        "cell": chosen.cell.id,
        "trial": chosen.spec.key,
        "test_accuracy": chosen.row["accuracy"],
        "test_accuracy_interval": [interval.low, interval.high] if interval else None,
        "test_rows": chosen.row["n_test"],
        "val_accuracy": chosen.row["val_accuracy"],
        "temperature": chosen.temperature,
        "warnings": _warnings(run, chosen),
        "images": images,
    }
    print(json.dumps(told, indent=1))


def _warnings(run: FinishedRun, chosen: Chosen) -> list[str]:
    """What makes the probabilities less than they look."""
    lines = []
    if run.config.weights_of(chosen.cell.backbone).is_random:
        lines.append("the backbone's weights are random: these probabilities say little")
    if chosen.cell.split_policy == "pooled":
        lines.append("its test accuracy was measured on images whose copies it was trained on")
    return lines
