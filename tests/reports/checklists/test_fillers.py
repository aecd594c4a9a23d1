"""Every number that a filler writes is the one in the run's tables, computed here once more."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reports.checklists.fillers import FILLERS, Subject
from reports.derived import write_derived
from reports.metrics import METRICS
from reports.run import load_run
from tests.reports.fake_run import FakeRun, write_fake_run

CLASSES = ["Avulsion fracture", "Spiral Fracture", "Hairline Fracture"]
POLICY, SCENARIO = "grouped", "1"
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:\.\d+)?(?![\w.]*\w)")


class Tables:
    """The tables of one run, read with pandas alone, and the best cell by validation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "results"
        self.info: dict[str, Any] = json.loads((self._folder / "run.json").read_text())
        cells = self["cells"]
        own = cells[(cells["split_policy"] == POLICY) & (cells["scenario"] == SCENARIO)]
        order = ["val_score", "val_loss"]
        self.best = own.sort_values(order, ascending=[False, True], kind="stable").iloc[0]
        self.usable = self["images"][self["images"]["problem"] == ""]

    def __getitem__(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self._folder / f"{name}.parquet")

    def of_best(self, name: str) -> pd.DataFrame:
        frame = self[name]
        for column in ("split_policy", "scenario", "backbone", "augmentation", "strategy", "seed"):
            frame = frame[frame[column] == self.best[column]]
        return frame

    def interval(self, metric: str, label: str = "") -> pd.Series:
        frame = self.of_best("intervals")
        return frame[(frame["metric"] == metric) & (frame["label"] == label)].iloc[0]

    def parts(self) -> pd.Series:
        frame = self["splits"]
        own = frame[(frame["split_policy"] == POLICY) & (frame["scenario"] == SCENARIO)]
        return (
            own[~own["augmented"]].groupby("part")["image_id"].nunique()[["train", "val", "test"]]
        )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _accuracy(of: Tables) -> list[str]:
    one = of.interval("accuracy")
    n = len(of.of_best("predictions"))
    right = (of.of_best("predictions")["label"] == of.of_best("predictions")["predicted"]).mean()
    return [_percent(right), _percent(one["low"]), _percent(one["high"]), str(n)]


def _majority(of: Tables) -> list[str]:
    labels = of.of_best("predictions")["label"]
    return [_percent(labels.value_counts().max() / len(labels))]


def _size(of: Tables) -> list[str]:
    one = of.interval("accuracy")
    return [str(len(of.of_best("predictions"))), _percent((one["high"] - one["low"]) / 2)]


def _states(of: Tables) -> list[str]:
    states = list(of["cells"]["state"])
    return [str(n) for n in (states.count("done"), len(states), states.count("failed"), 0)]


def _excluded(of: Tables) -> list[str]:
    problems = [text for text in of["images"]["problem"] if text]
    return [str(len(problems)), str(len(of["images"])), *(["1"] * len(problems))]


def _classes(of: Tables) -> list[str]:
    return [str((of.usable["class"] == name).sum()) for name in CLASSES]


def _by_class(of: Tables) -> list[str]:
    rows = [of.interval(metric, name) for metric in ("recall", "precision") for name in CLASSES]
    return [_percent(row[name]) for row in rows for name in ("value", "low", "high")]


def _parts_by_class(of: Tables) -> list[str]:
    frame = of["splits"]
    own = frame[(frame["split_policy"] == POLICY) & (frame["scenario"] == SCENARIO)]
    own = own[~own["augmented"]].merge(of["images"][["image_id", "class"]], on="image_id")
    parts = ("train", "val", "test")
    rows = [
        own[(own["class"] == name) & (own["part"] == part)] for name in CLASSES for part in parts
    ]
    return [str(len(one)) for one in rows]


def _duplicates(of: Tables) -> list[str]:
    kinds = list(of["duplicates"]["kind"])
    counts = [str(kinds.count(kind)) for kind in ("exact", "near", "user")]
    return [*counts, str(of.usable["group"].nunique()), str(len(of.usable))]


def _leaks(of: Tables) -> list[str]:
    rows = of["leaks"]
    own = rows[(rows["split_policy"] == POLICY) & (rows["scenario"] == SCENARIO)]
    own = own[own["part"] == "test"]
    return [str(own["leaked"].sum()), str(own["rows"].sum())]


def _sizes(of: Tables) -> list[str]:
    own = of.usable
    ends = [f(own[name]) for name in ("width", "height") for f in (min, max)]
    return [str(one) for one in (*ends, int(own["width"].median()), int(own["height"].median()))]


def _imbalance(of: Tables) -> list[str]:
    shares = of.usable["class"].value_counts(normalize=True)
    return [_percent(shares.max()), _percent(shares.min())]


def _flow(of: Tables) -> list[str]:
    images, used = of["images"], of.usable
    counts = [len(images), len(images) - len(used), len(used), used["group"].nunique()]
    return [str(int(one)) for one in (*counts, *of.parts())]


def _errors(of: Tables) -> list[str]:
    rows = of.of_best("predictions")
    wrong = rows[rows["label"] != rows["predicted"]]
    most = wrong.groupby(["label", "predicted"]).size().sort_values(ascending=False)[:3]
    return [str(len(wrong)), str(len(rows)), *(str(n) for n in most)]


def _confusion(of: Tables) -> list[str]:
    rows = of.of_best("predictions")
    pairs = [(a, b) for a in CLASSES for b in CLASSES]
    return [str(((rows["label"] == a) & (rows["predicted"] == b)).sum()) for a, b in pairs]


def _comparisons(of: Tables) -> list[str]:
    rows = of["comparisons"]
    own = rows[(rows["split_policy"] == POLICY) & (rows["scenario"] == SCENARIO)]
    return [str((own["p_holm"] < 0.05).sum()), str(len(own)), str(int(own["family"].iloc[0]))]


def _calibration(of: Tables) -> list[str]:
    row = of.best
    shares = [_percent(row["ece"]), _percent(row["ece_scaled"])]
    return [*shares, f"{row['brier']:.3f}", f"{row['log_loss']:.3f}"]


def _optimism(of: Tables) -> list[str]:
    val, test = of.best["val_accuracy"], of.best["accuracy"]
    return [_percent(val), _percent(test), _points(val - test)]


def _leak(of: Tables) -> list[str]:
    rows = of["policies"]
    own = rows[(rows["cells"] == "all") & (rows["split_policy"] == "pooled")].iloc[0]
    return [_points(own["difference"]), str(own["pairs"])]


def _trainings(of: Tables) -> list[str]:
    cells = of["cells"]
    return [str(cells["seed"].nunique()), str(cells["repeat"].nunique())]


def _selection(of: Tables) -> list[str]:
    cells = of["cells"]
    own = cells[(cells["split_policy"] == POLICY) & (cells["scenario"] == SCENARIO)]
    done = (own["state"] == "done").sum()
    return [str(done), _percent(of.best["val_accuracy"]), str(of.best["trials"])]


def _training(of: Tables) -> list[str]:
    search, row = of.info["config"]["search"], of.best
    kept = [search["draws"], search["epochs"], row["epochs"], row["steps"], row["best_epoch"]]
    return [*(str(int(one)) for one in kept), str(row["batch_size"])]


def _architecture(of: Tables) -> list[str]:
    about = of.info["backbones"][of.best["backbone"]]
    hidden = of.best["hidden"].split("-")
    return [f"{about['parameters'] / 1e6:.1f}", *hidden, str(len(CLASSES))]


def _explanations(of: Tables) -> list[str]:
    frame = of["attributions"]
    return [str(frame["image_id"].nunique()), str(len(frame))]


def _trials(of: Tables) -> list[str]:
    states = of["trials"]["state"].value_counts().sort_index()
    return [str(states.sum()), *(str(n) for n in states)]


def _hardware(of: Tables) -> list[str]:
    about = of.info["hardware"]
    return ["9", str(about["cores"]), f"{about['memory_bytes'] / 2**30:.1f}"]


EXPECTED: dict[str, Callable[[Tables], list[str]]] = {
    "source": lambda of: [str(of.info["data"]["images"])],
    "excluded": _excluded,
    "unfinished": _states,
    "sizes": _sizes,
    "scenarios": lambda of: [str(len(CLASSES))],
    "classes": _classes,
    "imbalance": _imbalance,
    "duplicates": _duplicates,
    "partitions": lambda of: [str(n) for n in of.parts()],
    "parts_by_class": _parts_by_class,
    "disjoint": _leaks,
    "flow": _flow,
    "factors": lambda of: [str(len(of["cells"]))],
    "architecture": _architecture,
    "training": _training,
    "trials": _trials,
    "selection": _selection,
    "hardware": _hardware,
    "temperature": lambda of: [f"{of.best['temperature']:.2f}"],
    "output": lambda of: [str(len(CLASSES)), f"{of.best['temperature']:.2f}"],
    "files": lambda of: [str(len(of["predictions"]))],
    "headline": lambda of: [*_accuracy(of), *_majority(of)],
    "baseline": _majority,
    "optimism": _optimism,
    "by_class": _by_class,
    "calibration": _calibration,
    "uncertainty": lambda of: [str(of.interval("accuracy")["units"])],
    "comparisons": _comparisons,
    "trainings": _trainings,
    "leak": _leak,
    "errors": _errors,
    "confusion": _confusion,
    "explanations": _explanations,
    "test_size": _size,
    "limits": lambda of: [*_size(of), *_states(of)],
}
"""The numbers of each filler in their order."""

WORDS = {
    "technology",
    "weights",
    "software",
    "preprocessing",
    "augmentation",
    "single_network",
    "pixels_only",
    "clean_training",
    "unfamiliar",
    "command",
    "code",
    "metrics",
}
"""Fillers that quote run.json or say what the program does."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fake = FakeRun(
        policies=("pooled", "grouped"),
        backbones=("resnet50", "vgg16"),
        scenarios={SCENARIO: CLASSES},
        trials=2,
        epochs=3,
    )
    run = write_fake_run(tmp_path_factory.mktemp("run"), fake)
    about = json.loads((run / "results" / "run.json").read_text())
    about["hyperparameters"] = {"batch_size": "batch size"}
    (run / "results" / "run.json").write_text(json.dumps(about))
    write_derived(run / "results")
    return run


def test_every_filler_is_checked_here() -> None:
    assert set(EXPECTED) | WORDS == set(FILLERS)


def _numbers(text: str) -> list[str]:
    for constant in ("95 % CI", "95 % intervals"):
        text = text.replace(constant, "")
    plain = text.replace("\u2009", "").replace("\u2212", "-").replace("\u2013", " ")
    return [one.lstrip("+") if one == "+0.0" else one for one in _NUMBER.findall(plain)]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_its_numbers_are_those_of_the_tables(folder: Path, name: str) -> None:
    facts = FILLERS[name](Subject(load_run(folder)))
    found = _numbers(" ".join(fact.text for fact in facts))
    assert found == [one.replace("+0.0", "0.0") for one in EXPECTED[name](Tables(folder))]
    for table in {one for fact in facts for one in fact.table.split(", ")}:
        known = (folder / "results" / f"{table}.parquet").exists()
        assert known or table in ("run.json", "the program")


def test_quoted_settings_are_those_of_run_json(folder: Path) -> None:
    run = load_run(folder)
    texts = {name: " ".join(f.text for f in FILLERS[name](Subject(run))) for name in WORDS}
    for name, version in run.info["versions"].items():
        assert f"{name} {version}" in texts["software"]
    assert run.info["command"] in texts["command"]
    assert run.info["git_commit"] in texts["code"]
    assert all(metric.title in texts["metrics"] for metric in METRICS)
    assert all(name in texts["weights"] for name in run.info["backbones"])


def test_a_run_without_a_result_has_no_facts_on_results(tmp_path: Path) -> None:
    fake = FakeRun(
        policies=("grouped",),
        backbones=("vgg16",),
        scenarios={"1": CLASSES},
        missing=99,
        trials=1,
        epochs=2,
        augmented=(False,),
        strategies=("transfer",),
    )
    run = write_fake_run(tmp_path, fake)
    cells = pd.read_parquet(run / "results" / "cells.parquet")
    (run / "results" / "predictions.parquet").unlink()
    cells.assign(state="missing", accuracy=None).to_parquet(run / "results" / "cells.parquet")
    of = Subject(load_run(run))
    for name in ("headline", "by_class", "errors", "selection", "temperature", "optimism"):
        assert FILLERS[name](of) == []
