"""One cell the usual way against ours, cold (empty store) and warm (tables there, trial missing).

    python -m benchmarks cell [--data FOLDER] [--weights FILE] [--backbones mobilenet resnet50]

The usual way is timed over a few epochs, or some rows of one, and projected to all: an epoch costs
what an epoch costs.
Ours is the whole command, Ray's start included, as wall time; "train" is the trial alone. Transfer
runs all its epochs; fine-tuning is timed over `--timed-epochs` and projected too. "val acc" is
validation accuracy, usual / ours, after the epochs that the usual way was timed over.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.report import tell
from benchmarks.usual import UsualTimes, train_the_usual_way
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.plan.grid import Cell
from sweeper.plan.start import make_plan
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep
from sweeper.stage_times import StageTimes
from trainables.stored_backbone import StoredBackbone


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cell", description=__doc__)
    parser.add_argument("--data", help="a folder of class folders; drawn images if not given")
    parser.add_argument("--backbones", nargs="+", default=["mobilenet", "resnet50"])
    parser.add_argument("--weights", default="none", help="of the first backbone; others: none")
    parser.add_argument("--strategies", nargs="+", default=["transfer", "finetune"])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--usual-epochs", type=int, default=1, help="timed, then projected")
    parser.add_argument(
        "--usual-rows", type=int, help="of the epoch that is timed; all if not given"
    )
    parser.add_argument("--timed-epochs", type=int, default=3, help="of our fine-tuning")
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)
    options = parser.parse_args(arguments)
    rows = [
        row
        for number, name in enumerate(options.backbones)
        for strategy in options.strategies
        for row in [_one(options, name, strategy, options.weights if number == 0 else "none")]
    ]
    tell("cell", rows, {key: str(value) for key, value in vars(options).items()})


def _one(options: argparse.Namespace, name: str, strategy: str, weights: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        timed = options.epochs if strategy == "transfer" else options.timed_epochs
        config = _config(options, name, strategy, weights, timed, Path(scratch) / "store")
        cold_s = _timed_run(config, Path(scratch) / "cold")
        for kind in ("trials", "evaluations"):
            shutil.rmtree(Path(scratch) / "store" / kind)
        warm_s = _timed_run(config, Path(scratch) / "warm")
        trials = pd.read_parquet(Path(scratch) / "warm" / "results" / "trials.parquet")
        ours = trials[trials["strategy"] == strategy].iloc[0]
        usual = _usual(options, config)
        curves = pd.read_parquet(Path(scratch) / "warm" / "results" / "curves.parquet")
        curve = curves[(curves["trial"] == ours["trial"])].set_index("epoch")
    untimed_s = (options.epochs - timed) * float(curve["epoch_s"].mean())
    cold_s, warm_s = cold_s + untimed_s, warm_s + untimed_s
    train_s = float(ours["wall_s"]) + untimed_s
    same_epoch = float(curve["val_accuracy"].loc[options.usual_epochs])
    usual_s = options.epochs * (usual.train_s + usual.validate_s)
    return {
        "backbone": name,
        "strategy": strategy,
        "usual_s": usual_s,
        "cold_s": cold_s,
        "warm_s": warm_s,
        "train_s": train_s,
        "usual/cold": usual_s / cold_s,
        "usual/warm": usual_s / warm_s,
        "usual/train": usual_s / train_s,
        "val acc": f"{usual.val_accuracy:.3f} / {same_epoch:.3f}",
    }


def _config(
    options: argparse.Namespace, name: str, strategy: str, weights: str, epochs: int, store: Path
) -> Config:
    source = f"data.path={options.data}" if options.data else "data={source: synthetic}"
    return load_config(
        "paper",
        [
            "split.policies=[grouped]",
            "grid.scenarios=[3]",
            source,
            f"store={store}",
            f"grid.backbones=[{name}]",
            f"grid.strategies=[{strategy}]",
            "grid.augmentations=[fec-ige]",
            "grid.seeds=[0]",
            f"weights.{name}={weights}",
            f"augmentations.fec-ige.copies={options.copies}",
            f"preprocess.image_size={options.image_size}",
            "search.draws=1",
            "search.budget=epochs",  # as the usual way: an epoch is a pass over all rows
            f"search.epochs={epochs}",
            "finetune.start=fresh",
            "explain.examples=0",
        ],
    )


def _timed_run(config: Config, out: Path) -> float:
    (out / "results").mkdir(parents=True)
    started = time.perf_counter()
    run_sweep(config, out, "", Progress())
    return time.perf_counter() - started


def _usual(options: argparse.Namespace, config: Config) -> UsualTimes:
    """The same cell's rows, through the files and the whole network."""
    plan = make_plan(config, Progress(), StageTimes())
    cell: Cell = plan.cells[0]
    paths = plan.collection.images[["image_id", "path"]]
    rows = plan.split_of(cell).rows.merge(paths, on="image_id")
    train = rows[rows["part"] == "train"].sample(frac=1, random_state=0)
    timed = train.head(options.usual_rows or len(train))
    folder = plan.store.get("backbones", plan.backbones[cell.backbone].key).folder
    args, network = plan.weights[cell.backbone].model_args, plan.tuned[cell.backbone]
    backbone = StoredBackbone(network, args, folder, plan.store.filesystem).load()
    times = train_the_usual_way(
        backbone,
        Path(plan.collection.root),
        timed,
        rows[rows["part"] == "val"],
        strategy=cell.strategy,
        image_size=options.image_size,
        classes=len(plan.scenarios[cell.scenario]),
        batch_size=plan.recipes[cell.recipe].first_draw["batch_size"],
        epochs=options.usual_epochs,
    )
    return replace(times, train_s=times.train_s * len(train) / len(timed))
