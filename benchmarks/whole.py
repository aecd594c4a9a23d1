"""A whole grid of one backbone against the usual way on the very trials that it ran.

    python -m benchmarks whole [--config paper] [--backbone mobilenet] [--set key.path=value ...]

The usual way is timed on some rows of each strategy and projected: seconds a row, times the rows of
every epoch that our trials trained and validated (stopped ones as far as they went). It is given no
engine, no search and no start-up. Ours is the whole command on an empty store.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.memory import PeakMemory
from benchmarks.report import tell
from benchmarks.usual import train_the_usual_way
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.plan.start import make_plan
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep
from sweeper.stage_times import StageTimes
from trainables.stored_backbone import StoredBackbone

_VALIDATED = 128


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks whole", description=__doc__)
    parser.add_argument("--config", default="paper")
    parser.add_argument("--backbone", default="mobilenet")
    parser.add_argument("--usual-rows", type=int, default=960, help="timed, then projected")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--out", help="where tables and report go; nowhere if not given")
    parser.add_argument("--store", help="an empty one, to be kept; a temporary one if not given")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        store = options.store or f"{scratch}/store"
        keys = [f"store={store}", f"grid.backbones=[{options.backbone}]"]
        config = load_config(options.config, [*keys, *options.overrides])
        out = Path(options.out or f"{scratch}/run")
        (out / "results").mkdir(parents=True, exist_ok=True)
        with PeakMemory() as memory:
            started = time.perf_counter()
            run_sweep(config, out, "python -m benchmarks whole", Progress())
            ours_s = time.perf_counter() - started
        usual: dict[str, float] = {
            s: _usual_s_per_row(config, s, options.usual_rows) for s in config.grid.strategies
        }
        trained = _rows_trained(out)
    usual_s = sum(usual[strategy] * rows for strategy, rows in trained.items())
    stages = json.loads((out / "results" / "run.json").read_text())["stages"]
    rows = [
        {"part": stage["stage"], "seconds": stage["seconds"], "made": stage["made"]}
        for stage in stages
        if not stage["backbone"] or stage["stage"] == "extract"
    ]
    rows.append({"part": "ours, all", "seconds": ours_s, "made": 0})
    for strategy, count in trained.items():
        part = f"usual, {strategy} rows"
        rows.append({"part": part, "seconds": usual[strategy] * count, "made": count})
    rows.append({"part": "usual / ours", "seconds": usual_s / ours_s, "made": 0})
    about = {"memory_gb": memory.peak_bytes / 1e9, "usual_s_per_row": usual}
    print(f"peak memory {about['memory_gb']:.2f} GB")
    tell("whole", rows, about | {key: str(value) for key, value in vars(options).items()})


def _rows_trained(out: Path) -> dict[str, int]:
    """Rows that went through the network by strategy: training by passes, validation by epochs."""
    trials = pd.read_parquet(out / "results" / "trials.parquet").drop_duplicates("trial")
    splits = pd.read_parquet(out / "results" / "splits.parquet").query("part != 'test'")
    split = ["split_policy", "scenario", "repeat", "fold", "augmentation"]
    counts = splits.groupby([*split, "part"]).size().unstack("part").reset_index()
    trained = trials.merge(counts, on=split)
    each = trained["passes"] * trained["train"] + trained["epochs"] * trained["val"]
    rows = each.groupby(trained["strategy"]).sum()
    return {str(strategy): int(count) for strategy, count in rows.items()}


def _usual_s_per_row(config: Config, strategy: str, count: int) -> float:
    """Seconds that the usual way needs for a row, trained on or validated on."""
    plan = make_plan(config, Progress(), StageTimes())
    cell = next(c for c in plan.cells if c.strategy == strategy and c.augmented)
    paths = plan.collection.images[["image_id", "path"]]
    rows = plan.split_of(cell).rows.merge(paths, on="image_id").sample(frac=1, random_state=0)
    folder = plan.store.get("backbones", plan.backbones[cell.backbone].key).folder
    args, network = plan.weights[cell.backbone].model_args, plan.tuned[cell.backbone]
    backbone = StoredBackbone(network, args, folder, plan.store.filesystem).load()
    train = rows[rows["part"] == "train"].head(count)
    validation = rows[rows["part"] == "val"].head(_VALIDATED)
    times = train_the_usual_way(
        backbone,
        Path(plan.collection.root),
        train,
        validation,
        strategy=strategy,
        image_size=network.image_size,
        classes=len(plan.scenarios[cell.scenario]),
        batch_size=plan.recipes[cell.recipe].first_draw["batch_size"],
        epochs=1,
    )
    return (times.train_s + times.validate_s) / (len(train) + len(validation))
