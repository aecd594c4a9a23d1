"""One entry a cell: its champion, its metrics, its curves, its mistakes, its search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.confusion import confusion_matrix
from reports.figures.curves import Curve, learning_curves
from reports.figures.strip import Mark, strip
from reports.figures.svg import Scale
from reports.run import Row, Run, interval_of, records
from reports.sections.explanations import Atlas, Explanation


@dataclass(frozen=True)
class Trial:
    """One line of the search table."""

    champion: bool
    draw: int
    lr: str
    batch_size: str
    hidden: str
    epochs: str
    val_accuracy: str
    state: str
    wall: str
    speed: str
    error: str


@dataclass(frozen=True)
class Detail:
    """All there is to say about one cell."""

    anchor: str
    title: str
    policy: str
    scenario: str
    recipe: str
    repeat: str  # "seed 1, fold 2"; empty if the run has one seed and no folds
    state: str
    error: str
    accuracy: str
    interval: str
    strip: Markup
    setting: list[tuple[str, str]]
    metrics: list[tuple[str, str, str]]  # name, value, remark
    loss: Markup
    accuracy_curve: Markup
    confusion: Markup
    trials: list[Trial]
    explanations: list[Explanation]
    explanations_left_out: int


def build(run: Run, atlas: Atlas) -> list[Detail]:
    """One `Detail` for every planned cell, in the order of the grid."""
    trials, confusion = run.grouped("trials"), run.grouped("confusion")
    curves = {str(key): frame for key, frame in run.tables["curves"].groupby("trial", sort=False)}
    details = []
    for row in run.cells:
        own = records(trials[row["key"]].sort_values("draw")) if row["key"] in trials else []
        matrix = _matrix(run, row, confusion.get(row["key"]))
        details.append(_detail(row, own, curves, matrix, atlas, _repeat(run, row)))
    return details


def _detail(
    row: Row,
    trials: list[Row],
    curves: Mapping[str, pd.DataFrame],
    matrix: Markup,
    atlas: Atlas,
    repeat: str,
) -> Detail:
    done = row["state"] == "done"
    lines = [
        _curve(row, trial, curves[trial["trial"]]) for trial in trials if trial["trial"] in curves
    ]
    shown, left_out = atlas.of_cell(row["key"])
    return Detail(
        anchor=row["anchor"],
        title=row["backbone"],
        policy=row["split_policy"],
        scenario=wording.scenario(row["scenario"]),
        recipe=wording.recipe(row),
        repeat=repeat,
        state=row["state"],
        error=row["error"] or "",
        accuracy=wording.percent(row["accuracy"]),
        interval=wording.percent_range(interval_of(row)),
        strip=_strip(row),
        setting=_setting(row) if done else [],
        metrics=_metrics(row) if done else [],
        loss=learning_curves([line[0] for line in lines], "Loss", share=False),
        accuracy_curve=learning_curves([line[1] for line in lines], "Accuracy", share=True),
        confusion=matrix,
        trials=[_trial(row, trial) for trial in trials],
        explanations=shown,
        explanations_left_out=left_out,
    )


def _repeat(run: Run, row: Row) -> str:
    several = (("seed", run.seeds), ("fold", run.folds))
    return ", ".join(f"{name} {row[name]}" for name, values in several if len(values) > 1)


def _strip(row: Row) -> Markup:
    if row["accuracy"] is None:
        return Markup("")
    mark = Mark(row["accuracy"], whisker=interval_of(row))
    return strip([mark], Scale(0.0, 1.0), height=16, guides=[0.0, row["chance"], 1.0])


def _setting(row: Row) -> list[tuple[str, str]]:
    return [
        ("weights", "random" if row["weights"] == "none" else row["weights"]),
        ("learning rate", wording.rate(row["lr"])),
        ("batch size", wording.count(row["batch_size"])),
        ("hidden layers", row["hidden"] or "none"),
        ("best epoch", wording.count(row["best_epoch"])),
        (
            "train / val / test",
            " / ".join(wording.count(row[f"n_{p}"]) for p in ("train", "val", "test")),
        ),
        ("training time", wording.seconds(row["train_s"])),
    ]


def _metrics(row: Row) -> list[tuple[str, str, str]]:
    optimism = None
    if row["val_accuracy"] is not None and row["accuracy"] is not None:
        optimism = row["val_accuracy"] - row["accuracy"]
    shares = [
        ("accuracy", "accuracy", f"95 % interval {wording.percent_range(interval_of(row))}"),
        ("precision", "precision", "weighted by class size"),
        ("recall", "recall", "weighted: equals accuracy"),
        ("F1", "f1", "weighted by class size"),
        ("macro F1", "macro_f1", "every class counts the same"),
        ("AUROC", "auroc", "one against the rest, weighted"),
        ("calibration error", "ece", "confidence minus accuracy, mean size"),
        ("validation accuracy", "val_accuracy", "chose the champion"),
    ]
    rows = [(name, wording.percent(row[column]), remark) for name, column, remark in shares]
    rows.append(("optimism", wording.points(optimism), "validation minus test, points"))
    rows.append(
        ("most common class", wording.percent(row["chance"]), "accuracy of always naming it")
    )
    return rows


def _curve(row: Row, trial: Row, frame: pd.DataFrame) -> tuple[Curve, Curve]:
    frame = frame.sort_values("epoch")

    def one(metric: str) -> Curve:
        return Curve(
            epochs=[float(value) for value in frame["epoch"]],
            train=[float(value) for value in frame[f"train_{metric}"]],
            val=[float(value) for value in frame[f"val_{metric}"]],
            champion=trial["trial"] == row["champion"],
            stopped=trial["state"] == "stopped",
            best_epoch=trial["best_epoch"],
        )

    return one("loss"), one("accuracy")


def _trial(row: Row, trial: Row) -> Trial:
    return Trial(
        champion=trial["trial"] == row["champion"],
        draw=trial["draw"],
        lr=wording.rate(trial["lr"]),
        batch_size=wording.count(trial["batch_size"]),
        hidden=trial["hidden"] or wording.NONE,
        epochs=f"{wording.count(trial['epochs'])} / {wording.count(trial['epochs_max'])}",
        val_accuracy=wording.percent(trial["val_accuracy"]),
        state=trial["state"],
        wall=wording.seconds(trial["wall_s"]),
        speed=wording.count(trial["images_per_s"]),
        error=trial["error"] or "",
    )


def _matrix(run: Run, row: Row, frame: pd.DataFrame | None) -> Markup:
    if frame is None or frame.empty:
        return Markup("")
    counts = {(r["label"], r["predicted"]): int(r["count"]) for r in records(frame)}
    seen = sorted({name for pair in counts for name in pair})
    classes = run.classes(row["scenario"]) or seen
    return confusion_matrix(classes, counts, f"Confusion matrix of {row['backbone']}")
