"""A plausible run folder without a run: seeded random numbers in the true tables' shape.

    write_fake_run(tmp_path, FakeRun(policies=("pooled", "grouped")))

The numbers mean nothing and are used in tests only.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from datasets.splitting.leaks import KINDS
from datasets.splitting.policies import describe_policies
from reports.published import CLASSES
from reports.statistics.operating_points import Rule
from reports.tables import CELL, SCHEMAS, write_table
from sweeper.results.calibrated import Calibrated
from sweeper.results.thresholds import threshold_rows
from trainables.hyperparameters import HYPERPARAMETERS
from trainables.recipes import RECIPES

BACKBONES = {"efficientnetb3": 0.66, "resnet50": 0.62, "vgg16": 0.48, "mobilenet": 0.55}
BACKBONES["inceptionv3"] = 0.52
TEN = [*CLASSES["1"], *CLASSES["2"]]
IMAGES = [123, 148, 156, 122, 111, 84, 80, 85, 134, 86]

Row = dict[str, Any]
SETTING: Row = {
    name: HYPERPARAMETERS[name].column(values[0]) for name, values in RECIPES["paper"].space.items()
}


@dataclass(frozen=True)
class FakeRun:
    """What the fake run looks like; the default is 60 done cells of one policy."""

    policies: tuple[str, ...] = ("pooled",)
    backbones: tuple[str, ...] = tuple(BACKBONES)
    scenarios: dict[str, list[str]] = field(
        default_factory=lambda: {"1": TEN[:5], "2": TEN[5:], "3": TEN}
    )
    seeds: tuple[int, ...] = (0,)
    repeats: int = 1
    folds: int = 0
    augmented: tuple[bool, ...] = (False, True)
    strategies: tuple[str, ...] = ("transfer", "finetune")
    failed: int = 0
    missing: int = 0
    random_weights: bool = False
    interrupted: bool = False
    attributions: int = 2
    trials: int = 4
    epochs: int = 24
    map_side: int = 64
    compare: str | None = "fec-ige"
    problems: int = 3

    def __hash__(self) -> int:
        return hash(repr(self))


def write_fake_run(folder: Path, fake: FakeRun | None = None) -> Path:
    """Write `<folder>/results/*.parquet` and `run.json`; return `folder`."""
    (folder / "results").mkdir(parents=True, exist_ok=True)
    for name, content in _files(fake or FakeRun()).items():
        (folder / "results" / name).write_bytes(content)
    return folder


@lru_cache(maxsize=24)
def _files(fake: FakeRun) -> dict[str, bytes]:
    """What is in `results`: made once for all tests that ask for the same run."""
    with TemporaryDirectory() as folder:
        _write(Path(folder), fake)
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def _write(folder: Path, fake: FakeRun) -> None:
    tables: dict[str, list[Row]] = {
        name: []
        for name in (
            *("cells", "trials", "curves", "candidates"),
            *("predictions", "confusion", "reliability"),
            "thresholds",
        )
    }
    tables |= {"images": _images(fake), "duplicates": _duplicates(), "splits": _splits(fake)}
    tables |= {"attributions": [], "map_checks": [], "leaks": _leaks(fake)}
    for number, cell in enumerate(_cells(fake)):
        _fill(tables, fake, number, cell)
    tables["pictures"] = _pictures(tables["predictions"])
    tables["corrupted"] = _corrupted(tables["predictions"])
    tables["previews"] = _previews(fake)
    tables["backbones"] = _backbones(fake)
    tables |= {"metadata": [], "external": [], "test_sets": [], "test_distances": []}
    for name, rows in tables.items():
        write_table(folder, name, rows)
    info = json.dumps(_info(fake, tables), indent=1, ensure_ascii=False)
    (folder / "run.json").write_text(info, encoding="utf-8")


def _cells(fake: FakeRun) -> Iterator[Row]:
    for policy in fake.policies:
        for backbone in fake.backbones:
            for scenario in fake.scenarios:
                for augmented in fake.augmented:
                    for strategy in fake.strategies:
                        for training in _trainings(fake):
                            yield {
                                "split_policy": policy,
                                "backbone": backbone,
                                "weights": "none" if fake.random_weights else "imagenet",
                                "scenario": scenario,
                                **augmentation(augmented),
                                "strategy": strategy,
                                "recipe": "paper",
                                **training,
                            }


def augmentation(augmented: bool) -> Row:
    """The columns of an augmentation."""
    return {"augmented": augmented, "augmentation": "fec-ige" if augmented else "none"}


def _trainings(fake: FakeRun) -> list[Row]:
    return [{"seed": seed, **division} for seed in fake.seeds for division in _divisions(fake)]


def _divisions(fake: FakeRun) -> list[Row]:
    folds = range(1, fake.folds + 1) if fake.folds else [0]
    repeats = range(1, fake.repeats + 1)
    return [{"repeat": repeat, "fold": fold} for repeat in repeats for fold in folds]


def _fill(tables: dict[str, list[Row]], fake: FakeRun, number: int, cell: Row) -> None:
    rng = np.random.default_rng([7, number])
    state = "done"
    if 3 <= number < 3 + fake.failed:
        state = "failed"
    elif 3 + fake.failed <= number < 3 + fake.failed + fake.missing:
        state = "missing"
    trials = _trials(fake, rng, number, cell, state)
    tables["trials"] += trials
    for trial in trials:
        tables["curves"] += _curves(rng, trial)
    champion = max(trials, key=lambda trial: trial["val_accuracy"] or 0.0)
    confusion = _confusion(fake, rng, cell) if state == "done" else []
    tables["confusion"] += confusion
    row = _cell(rng, cell, state, trials, champion, confusion)
    tables["cells"].append(row)
    if state == "done":
        predictions = _predictions(fake, rng, cell, confusion)
        calibrated = _calibrated(fake, cell, predictions)
        row |= {name: value for name, value in calibrated.columns().items() if row[name] is None}
        tables["attributions"] += _attributions(fake, rng, cell)
        tables["map_checks"] += _map_checks(fake, tables["images"], cell)
        tables["predictions"] += predictions
        tables["reliability"] += calibrated.reliability_rows(cell)
        tables["thresholds"] += _thresholds(fake, cell, predictions, calibrated.temperature)


def _skill(cell: Row) -> float:
    skill = BACKBONES.get(cell["backbone"], 0.5) - 0.1 * (cell["scenario"] == "3")
    skill += 0.04 * (cell["strategy"] == "finetune") + 0.05 * cell["augmented"]
    skill += {"pooled": (0.06, 0.28), "stratified": (0.06, 0.07), "given": (0.03, 0.04)}.get(
        cell["split_policy"], (0.0, 0.0)
    )[cell["augmented"]]
    return float(min(0.985, skill))


def _trials(
    fake: FakeRun, rng: np.random.Generator, number: int, cell: Row, state: str
) -> list[Row]:
    trials = []
    for draw in range(fake.trials):
        stopped = draw > 0 and rng.random() < 0.5
        epochs = int(rng.integers(3, fake.epochs // 2 + 3)) if stopped else fake.epochs
        done = state == "done"
        trials.append(
            {
                **cell,
                "trial": f"t{number:03d}{draw:02d}",
                "draw": draw,
                **SETTING,
                "lr": 1e-3 if draw == 0 else float(10 ** rng.uniform(-5, -2.5)),
                "batch_size": int(rng.choice([8, 16, 32])),
                "hidden": str(rng.choice(["512-128", "256-256-128"])),
                "epochs_max": fake.epochs,
                "rungs": [2, 6, 18],
                "state": ("stopped" if stopped else "done") if done else state,
                "epochs": epochs if done else None,
                "steps": 12 * epochs if done else None,
                "passes": epochs / (3 if cell["augmented"] else 1) if done else None,
                "best_epoch": epochs - 2 if done else None,
                "val_accuracy": (
                    score := min(0.99, _skill(cell) + 0.02 - 0.06 * stopped) if done else None
                ),
                "val_score": score,
                "wall_s": float(rng.uniform(3, 60)) if done else None,
                "images_per_s": float(rng.uniform(300, 9000)) if done else None,
                "data_wait": 0.05,
                "device": "cpu",
                "precision": "float32" if done else None,
                "workers": 1,
                "error": "RuntimeError: fake failure <here>" if state == "failed" else None,
            }
        )
    return trials


def _curves(rng: np.random.Generator, trial: Row) -> Iterator[Row]:
    if trial["epochs"] is None:
        return
    top, floor = trial["val_accuracy"], 0.15
    for epoch in range(1, trial["epochs"] + 1):
        learnt = 1 - np.exp(-epoch / 6)
        yield {
            "trial": trial["trial"],
            "epoch": epoch,
            "train_loss": float(2.1 * np.exp(-epoch / 7) + rng.normal(0, 0.02) + 0.08),
            "train_accuracy": float(np.clip(floor + (1 - floor) * learnt, 0, 1)),
            "val_loss": float(2.0 * np.exp(-epoch / 9) + rng.normal(0, 0.05) + 0.4),
            "val_accuracy": (
                score := float(np.clip(floor + (top - floor) * learnt + rng.normal(0, 0.02), 0, 1))
            ),
            "val_score": score,
            "lr": trial["lr"],
            "steps": 12 * epoch,
            "passes": epoch / (3 if trial["augmented"] else 1),
            "epoch_s": float(rng.uniform(0.2, 0.9)),
        }


def _confusion(fake: FakeRun, rng: np.random.Generator, cell: Row) -> list[Row]:
    classes = fake.scenarios[cell["scenario"]]
    copies = 9 if cell["split_policy"] == "pooled" and cell["augmented"] else 1
    rows = []
    for index, label in enumerate(classes):
        n = max(2, round(IMAGES[index % 10] / 10)) * copies
        shares = rng.dirichlet(np.ones(len(classes)) * 0.6) * (1 - _skill(cell))
        shares[index] += _skill(cell)
        counts = rng.multinomial(n, shares / shares.sum())
        rows += [
            {**cell, "label": label, "predicted": predicted, "count": int(count)}
            for predicted, count in zip(classes, counts, strict=True)
        ]
    return rows


def _cell(
    rng: np.random.Generator,
    cell: Row,
    state: str,
    trials: list[Row],
    champion: Row,
    confusion: list[Row],
) -> Row:
    numbers: Row = dict.fromkeys([*SCHEMAS["cells"].names, *SETTING])
    if state == "done":
        n = sum(row["count"] for row in confusion)
        right = sum(row["count"] for row in confusion if row["label"] == row["predicted"])
        accuracy = right / n
        taken = (*SETTING, "best_epoch", "epochs", "steps", "passes")
        numbers |= {name: champion[name] for name in taken}
        numbers |= {"n_train": 8 * n, "n_val": n, "n_test": n, "accuracy": accuracy}
        numbers |= {"val_accuracy": champion["val_accuracy"], "recall": accuracy}
        numbers |= {"val_loss": 2 - champion["val_accuracy"]}
        numbers |= {"val_score": champion["val_accuracy"]}
        numbers |= {"precision": min(1.0, accuracy + 0.01), "f1": accuracy - 0.004}
        numbers |= {"macro_f1": accuracy - 0.02, "auroc": (1 + accuracy) / 2}
        numbers |= {"ece": float(rng.uniform(0.02, 0.2))}
        numbers |= {"train_s": sum(trial["wall_s"] for trial in trials)}
    error = (
        'Traceback (most recent call last):\n  File "loop", line 1\nRuntimeError: fake <failure>'
    )
    return {
        **numbers,
        **cell,
        "state": state,
        "trials": len(trials),
        "stopped": sum(trial["state"] == "stopped" for trial in trials),
        "champion": champion["trial"] if state == "done" else None,
        "error": error if state == "failed" else None,
    }


def _predictions(
    fake: FakeRun, rng: np.random.Generator, cell: Row, confusion: list[Row]
) -> list[Row]:
    """As many rows as the confusion counts, the predicted class with the highest probability; every
    class's images are the same in all cells."""
    classes = fake.scenarios[cell["scenario"]]
    pairs = [(row["label"], row["predicted"]) for row in confusion for _ in range(row["count"])]
    copies = 9 if cell["split_policy"] == "pooled" and cell["augmented"] else 1
    probabilities = rng.dirichlet(np.ones(len(classes)), size=len(pairs)).astype(np.float32)
    top = probabilities.argmax(axis=1)
    for row, (found, (_, predicted)) in enumerate(zip(top, pairs, strict=True)):
        wanted = classes.index(predicted)
        probabilities[row, [found, wanted]] = probabilities[row, [wanted, found]]
    return [
        {
            **cell,
            "image_id": f"{1000 * cell['fold'] + row // copies:064x}",
            "copy": row % copies,
            "label": label,
            "predicted": predicted,
            "probabilities": probabilities[row],
        }
        for row, (label, predicted) in enumerate(pairs)
    ]


def _calibrated(fake: FakeRun, cell: Row, predictions: list[Row]) -> Calibrated:
    """As if validation had gone as the test did."""
    number = {name: index for index, name in enumerate(fake.scenarios[cell["scenario"]])}
    rows = pd.DataFrame(predictions)
    rows["label"] = rows["label"].map(number)
    return Calibrated(rows, rows)


def _thresholds(
    fake: FakeRun, cell: Row, predictions: list[Row], temperature: float
) -> Iterator[Row]:
    """Likewise."""
    classes = fake.scenarios[cell["scenario"]]
    rows = pd.DataFrame(predictions)
    rows["label"] = rows["label"].map({name: index for index, name in enumerate(classes)})
    return threshold_rows(rows, temperature, classes, Rule(), cell)


def _pictures(predictions: list[Row]) -> list[Row]:
    wrong = [row["image_id"] for row in predictions if row["label"] != row["predicted"]]
    return [
        {"image_id": image_id, "width": 96, "height": 96, "image": _radiograph(number, 96)[0]}
        for number, image_id in enumerate(sorted(set(wrong))[:40])
    ]


def _corrupted(predictions: list[Row]) -> list[Row]:
    """Of the first cell: its predictions, and all wrong under a strong corruption."""
    if not predictions:
        return []
    first = [predictions[0][name] for name in CELL]
    own = [row for row in predictions if [row[name] for name in CELL] == first]
    own = list({row["image_id"]: row for row in own}.values())
    rows = []
    for corruption, severity in (("none", ""), ("blur", "mild"), ("blur", "strong")):
        for row in own:
            kept = {name: row[name] for name in (*CELL, "image_id", "label", "probabilities")}
            predicted = row["predicted"]
            if severity == "strong":
                predicted = next(r["label"] for r in own if r["label"] != row["label"])
            kept |= {"predicted": predicted, "corruption": corruption, "severity": severity}
            rows.append(kept)
    return rows


def _previews(fake: FakeRun) -> list[Row]:
    if True not in fake.augmented:
        return []
    picture = io.BytesIO()
    Image.new("RGB", (64, 32), (40, 40, 40)).save(picture, "JPEG")
    return [
        {
            "augmentation": "fec-ige",
            "transforms": ["HorizontalFlip(p=0.5)"],
            "warnings": [],
            "classes": ["first"],
            "width": 64,
            "height": 32,
            "image": picture.getvalue(),
        }
    ]


def _attributions(fake: FakeRun, rng: np.random.Generator, cell: Row) -> Iterator[Row]:
    classes = fake.scenarios[cell["scenario"]]
    side = fake.map_side
    for number in range(fake.attributions):
        picture, bone = _radiograph(number // 2, side)
        label = classes[number // 2 % len(classes)]
        signed = bone * rng.normal(0.2, 1.0, (side, side))
        yield {
            **cell,
            "image_id": f"{number // 2:064x}",
            "label": label,
            "predicted": label if number < 2 else classes[-1],
            "target": label if number < 2 else classes[-1],
            "chosen": f"{'correct' if number < 2 else 'misclassified'}, median confidence",
            "probability": float(rng.uniform(0.4, 0.99)),
            "method": "integrated_gradients",
            "baseline": ("black", "random")[number % 2],
            "n_steps": 64,
            "change": 1.5,
            "delta": float(rng.uniform(-0.01, 0.01)),
            "converged": True,
            "marked": 0.2,
            "hit": bool(number % 3),
            "hit_by_others": 0.25,
            "height": side,
            "width": side,
            "map": signed.astype(np.float32).ravel(),
            "image": picture,
        }


def _map_checks(fake: FakeRun, images: list[Row], cell: Row) -> Iterator[Row]:
    """Maps that lose their likeness when weights are shuffled."""
    kept = {"head": 0.8, "last half": 0.3, "whole network": 0.1}
    against: list[tuple[str, str, float, float | None]]
    against = [("randomisation", stage, value, 0.1) for stage, value in kept.items()]
    against += [("deletion", name, 0.3, 0.4) for name in ("random", "edges")]
    against += [("insertion", name, 0.6, 0.5) for name in ("random", "edges")]
    against += [("infidelity", name, 0.7, 0.9) for name in ("random", "edges")]
    against += [("baselines", "black", 0.6, 0.1), ("max_sensitivity", "", 0.4, None)]
    for number, image in enumerate(images[: 12 if fake.attributions else 0]):
        for check, name, value, reference in against:
            yield {
                **cell,
                "image_id": image["image_id"],
                "method": "integrated_gradients",
                "check": check,
                "against": name,
                "value": value + 0.01 * number,
                "reference": reference,
            }


@lru_cache
def _radiograph(seed: int, side: int) -> tuple[bytes, Any]:
    """A bright shaft on a dark ground with a dark break: enough to look at."""
    y, x = np.mgrid[0:side, 0:side] / side
    angle = 0.5 + 0.4 * seed
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    along = (y - 0.5) * np.cos(angle) - (x - 0.5) * np.sin(angle)
    shaft = np.exp(-((across / 0.14) ** 4)) * (0.75 + 0.25 * np.cos(14 * across))
    broken = np.exp(-(((along - 0.3 * across) / 0.02) ** 2))
    grey = 25 + 190 * shaft * (1 - 0.7 * broken)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB").save(buffer, "WEBP")
    return buffer.getvalue(), shaft * np.exp(-((along / 0.15) ** 2))


def _classes(fake: FakeRun) -> list[str]:
    return list(dict.fromkeys(name for names in fake.scenarios.values() for name in names))


def _images(fake: FakeRun) -> list[Row]:
    rows = []
    problems = ["not an image", "too small: 12 x 9 px", "exact duplicate of img-0002.jpg"]
    for number in range(40):
        name = _classes(fake)[number % len(_classes(fake))]
        rows.append(
            {
                "image_id": f"{number:064x}",
                "path": f"{name}/img-{number:04d}.jpg",
                "origin": "",
                "pixel_hash": "",
                "contrast": 40.0,
                "patient": "",
                "class": name,
                "width": 400,
                "height": 500,
                "bytes": 30_000 + number,
                "group": f"g{number // 2}",
                "problem": problems[number % 3] if number < fake.problems else "",
            }
        )
    return rows


def _duplicates() -> list[Row]:
    return [
        {
            "image_id_a": f"{number:064x}",
            "image_id_b": f"{number + 1:064x}",
            "kind": kind,
            "score": score,
            "transform": transform,
        }
        for number, (kind, score, transform) in enumerate(
            [("exact", 1.0, "none"), ("near", 0.97, "flip"), ("near", 0.94, "rotate")]
        )
    ]


def _splits(fake: FakeRun) -> list[Row]:
    rows = []
    for policy in fake.policies:
        for scenario, classes in fake.scenarios.items():
            for augmented in (False, True):
                for image in range(20 * len(classes)):
                    part = "train" if image % 10 < 8 else ("val", "test")[image % 2]
                    copies = 9 if augmented and (policy == "pooled" or part == "train") else 1
                    rows += [
                        {
                            "split_policy": policy,
                            "scenario": scenario,
                            **division,
                            **augmentation(augmented),
                            "image_id": f"{image:064x}",
                            "copy": copy,
                            "part": part,
                        }
                        for division in _divisions(fake)
                        for copy in range(copies)
                    ]
    return rows


_SHARES = {"pooled": (0.21, 0.998), "stratified": (0.19, 0.19), "given": (0.12, 0.12)}


def _leaks(fake: FakeRun) -> list[Row]:
    rows = []
    for policy in fake.policies:
        for scenario, classes in fake.scenarios.items():
            for augmented in (False, True):
                n = 11 * len(classes) * (9 if augmented and policy == "pooled" else 1)
                leaked = round(n * _SHARES.get(policy, (0.0, 0.0))[augmented])
                copies = leaked if policy == "pooled" and augmented else 0
                exact = (leaked - copies) // 4
                rows += [
                    {
                        "split_policy": policy,
                        "scenario": scenario,
                        **division,
                        **augmentation(augmented),
                        "split_key": f"{policy}-{scenario}",
                        "part": part,
                        "rows": n,
                        "leaked": leaked,
                        "same_image": copies,
                        "exact": exact,
                        "near": leaked - copies - exact,
                        "user": 0,
                        "group": 0,
                    }
                    for division in _divisions(fake)
                    for part in ("test", "val")
                ]
    return rows


def _artifacts(fake: FakeRun) -> list[Row]:
    """As `sweeper.results.run_file` lists them: a measured pass has rows, workers and seconds."""
    shards: Row = {"kind": "shards", "backbone": "", "key": f"{1:032x}"}
    tables = [
        {
            "kind": kind,
            "backbone": name,
            "key": f"{number:032x}",
            "rows": 10_161,
            "workers": 2,
            "seconds": 60.0 + 9 * number,
        }
        for number, name in enumerate(fake.backbones, start=2)
        for kind in ("pooled", "prefix")
    ]
    return [shards, *tables]


def _backbones(fake: FakeRun) -> list[Row]:
    return [
        {
            "backbone": name,
            "model": f"{name}.fake_in1k",
            "weights": "none" if fake.random_weights else "imagenet",
            "vintage": None if fake.random_weights else "fake_in1k: ImageNet-1k",
            "license": None if fake.random_weights else "apache-2.0",
            "parameters": 10_696_232,
            "gmacs": 0.6 + 1.7 * i,
        }
        for i, name in enumerate(fake.backbones)
    ]


def _info(fake: FakeRun, tables: dict[str, list[Row]]) -> Row:
    states = [row["state"] for row in tables["cells"]]
    trials = [row["state"] for row in tables["trials"]]
    weights = "none" if fake.random_weights else "imagenet"
    return {
        "name": "fake <run>",
        "command": "python sweep.py run paper --set data.path=DIR",
        "status": "interrupted" if fake.interrupted else "complete",
        "started": "2025-05-04T10:00:00+00:00",
        "ended": "2025-05-04T11:12:13+00:00",
        "config": {
            "name": "paper",
            "compare": fake.compare,
            "split": {
                "policies": list(fake.policies),
                "repeats": fake.repeats,
                "folds": fake.folds or None,
            },
            "grid": {"backbones": list(fake.backbones), "seeds": list(fake.seeds)},
            "search": {"draws": fake.trials, "epochs": fake.epochs},
        },
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
        "versions": {"torch": "2.11.0", "ray": "2.60.0", "timm": "1.0.20"},
        "hardware": {
            "cpu": "Some Processor 9",
            "cores": 8,
            "memory_bytes": 34_359_738_368,
            "gpus": ["Some Accelerator 80GB"],
            "python": "3.11.4",
            "platform": "Linux-x86_64",
        },
        "seeds": list(fake.seeds),
        "repeats": fake.repeats,
        "folds": fake.folds,
        "stages": [
            {"stage": "audit", "backbone": "", "seconds": 12.3, "made": 1, "reused": 0},
            {
                "stage": "preprocess + augment",
                "backbone": "",
                "seconds": 41.0,
                "made": 9,
                "reused": 0,
            },
            *(
                {
                    "stage": "extract",
                    "backbone": name,
                    "seconds": 60.0 + 9 * i,
                    "made": 6,
                    "reused": i,
                }
                for i, name in enumerate(fake.backbones)
            ),
            {"stage": "train", "backbone": "", "seconds": 2411.0, "made": len(trials), "reused": 0},
            {"stage": "explain", "backbone": "", "seconds": 191.0, "made": 60, "reused": 0},
        ],
        "cells": {
            "planned": len(states),
            **{state: states.count(state) for state in ("done", "failed", "missing")},
        },
        "trials": {
            "planned": len(trials),
            **{state: trials.count(state) for state in ("done", "stopped", "failed")},
            "reused": 0,
        },
        "scenarios": fake.scenarios,
        "split_policies": describe_policies(fake.policies),
        "leak_kinds": KINDS,
        "backbones": {
            name: {
                "timm_name": f"{name}.fake_in1k",
                "weights": weights,
                "weights_note": "as published" if weights == "imagenet" else "random, seed 0",
                "random": fake.random_weights,
                "suffix": "the last block",
                "feature_dim": 1536,
                "prefix_shape": [384, 7, 7],
                "parameters": 10_696_232,
                "suffix_parameters": 2_100_000,
                "gmacs": 0.6 + 1.7 * i,
            }
            for i, name in enumerate(fake.backbones)
        },
        "artifacts": _artifacts(fake),
        "data": {
            "source": "folder",
            "path_name": "bones",
            "images": 1129,
            "excluded": fake.problems,
            "classes": {name: IMAGES[i % 10] for i, name in enumerate(_classes(fake))},
            "duplicates": 3,
            "manifest_hash": "a3f1c09b7d5e4c2f",
        },
        "how_to_resume": "python sweep.py run paper --out runs/paper",
    }
