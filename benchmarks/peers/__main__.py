"""Compare the project with other tools: the same images, split, network and weights, in one run.

    python -m benchmarks.peers --data FOLDER --weights FILE.safetensors --environment FOLDER

`--environment`: a folder for the peers' packages, installed there the first time. The contenders
run one after another, fold by fold, each as a process of its own on the same processors. Prints a
table, and writes it with everything measured to `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks.peers.contenders import CONTENDERS, Setting
from benchmarks.peers.environment import python_of
from benchmarks.peers.split import write_splits
from benchmarks.peers.table import markdown, summary
from benchmarks.peers.task import Task


def main() -> None:
    options = _options()
    setting = Setting(
        python_of(options.environment.absolute()),
        str(Path(options.data).resolve()),
        options.our_epochs,
    )
    with TemporaryDirectory(prefix="peers-") as scratch:
        splits = _splits(options, Path(scratch))
        tested: list[pd.DataFrame] = []
        for fold, split in splits.items():
            folder = Path(scratch, f"fold{fold}")
            folder.mkdir()
            for outcome in _on_fold(_task(options, split, folder), options.only, setting, fold):
                tested.append(outcome)
                _write(options, tested)
    print((options.out / "peers.md").read_text(encoding="utf-8"))


def _write(options: argparse.Namespace, tested: Sequence[pd.DataFrame]) -> None:
    """The results so far, so that an interrupted comparison keeps them."""
    rows = list(summary(pd.concat(tested, ignore_index=True)))
    options.out.mkdir(parents=True, exist_ok=True)
    about = json.dumps({**_about(options), "rows": rows}, indent=1)
    (options.out / "peers.json").write_text(f"{about}\n", encoding="utf-8")
    (options.out / "peers.md").write_text(markdown(rows), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--data", required=True, help="a folder of class folders")
    parser.add_argument("--group-by", help="data.group_by of the split")
    parser.add_argument("--weights", required=True, help="safetensors of the timm model")
    parser.add_argument("--model", default="mobilenetv1_100", help="timm model")
    parser.add_argument("--model-args", type=json.loads, default={"pad_type": "same"})
    parser.add_argument("--mean", type=float, default=0.5, help="of the input, every channel")
    parser.add_argument("--std", type=float, default=0.5)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=10, help="of peers; fastai: half are frozen")
    parser.add_argument("--our-epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=32, help="of peers")
    parser.add_argument("--folds", type=int, default=5, help="folds of the division")
    parser.add_argument("--test-folds", type=int, nargs="+", default=[1], help="folds to run")
    parser.add_argument("--split", type=Path, help="the CSV file of a split, in place of folds")
    parser.add_argument("--share", type=float, default=1.0, help="of the images, for a trial run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    return parser.parse_args()


def _splits(options: argparse.Namespace, scratch: Path) -> dict[int, Path]:
    if options.split:
        return {0: options.split.resolve()}
    data, folds, tested = options.data, options.folds, options.test_folds
    return write_splits(data, options.group_by, folds, tested, options.share, scratch)


def _on_fold(
    task: Task, names: Sequence[str], setting: Setting, fold: int
) -> Iterator[pd.DataFrame]:
    """The rows of `summary` of each contender on one fold."""
    tested = task.of("test")[["image_id", "label", "group"]]
    for name in names:
        for one in CONTENDERS[name](task, setting):
            print(f"fold {fold}: {one.title}: {one.wall_s:.0f} s", flush=True)
            complete = tested.merge(one.predicted, on="image_id", validate="one_to_one")
            if len(complete) != len(tested):
                raise SystemExit(f"error: {one.title}: {len(complete)} of {len(tested)} images")
            yield complete.assign(
                contender=one.title,
                fold=fold,
                wall_s=one.wall_s,
                versions=json.dumps(dict(one.versions)),
            )


def _task(options: argparse.Namespace, split: Path, folder: Path) -> Task:
    return Task(
        split=str(split),
        weights=str(Path(options.weights).resolve()),
        model=options.model,
        model_args=options.model_args,
        mean=(options.mean,) * 3,
        std=(options.std,) * 3,
        image_size=options.image_size,
        epochs=options.epochs,
        batch_size=options.batch_size,
        workers=min(8, os.cpu_count() or 1),
        seed=options.seed,
        out=str(folder),
    )


def _about(options: argparse.Namespace) -> dict[str, Any]:
    places = ("data", "weights", "environment", "out", "split")  # of this machine
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "options": {name: one for name, one in vars(options).items() if name not in places},
    }


if __name__ == "__main__":
    main()
