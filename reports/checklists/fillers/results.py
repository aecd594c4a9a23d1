"""Facts on the results: performance with intervals, errors, comparisons, and limits."""

from __future__ import annotations

from collections import Counter

from reports import wording
from reports.checklists.fillers.registry import Fact, Subject, fills
from reports.metrics import METRICS
from reports.run import Row, optimism_of, records
from reports.statistics import Interval

_MOST = 12  # classes or confusions that are named


@fills
def headline(of: Subject) -> list[Fact]:
    """The test accuracy of the best model."""
    best = of.best
    if best is None:
        return []
    found = of.run.interval(best, "accuracy")
    interval = f" (95 % CI {wording.percent_range(found)})" if found else ""
    return [
        Fact(
            f"{best['backbone']}, {wording.recipe(best)}, {of.policy} split: test accuracy "
            f"{wording.percent(best['accuracy'])} %{interval} on "
            f"{wording.plural(int(best['n_test']), 'test row')}",
            "cells, intervals",
        ),
        *baseline(of),
    ]


@fills
def baseline(of: Subject) -> list[Fact]:
    """What always naming the largest class would score."""
    if of.best is None:
        return []
    share = wording.percent(of.best["chance"])
    return [Fact(f"Always naming the test set's largest class: {share} %", "confusion")]


@fills
def optimism(of: Subject) -> list[Fact]:
    """Validation and test accuracy of the best model."""
    if of.best is None or optimism_of(of.best) is None:
        return []
    return [
        Fact(
            f"Validation {wording.percent(of.best['val_accuracy'])} %, test "
            f"{wording.percent(of.best['accuracy'])} %: {wording.points(optimism_of(of.best))} "
            "points of optimism, as validation chose the model",
            "cells",
        )
    ]


@fills
def by_class(of: Subject) -> list[Fact]:
    """Sensitivity and predictive value of each class, with intervals."""
    rows = [row for row in records(of.of_best("intervals")) if row["label"]]
    facts = []
    for metric, name in (("recall", "Sensitivity"), ("precision", "Positive predictive value")):
        own = {row["label"]: row for row in rows if row["metric"] == metric}
        named = [_with_interval(own[label]) for label in of.classes[:_MOST] if label in own]
        if named:
            facts.append(Fact(f"{name} in percent (95 % CI): {', '.join(named)}", "intervals"))
    return facts


@fills
def calibration(of: Subject) -> list[Fact]:
    """How far the probabilities can be trusted."""
    best = of.best
    if best is None or best["ece"] is None:
        return []
    scaled = best.get("ece_scaled")
    after = f", {wording.percent(scaled)} % after recalibration" if scaled is not None else ""
    return [
        Fact(
            f"Expected calibration error {wording.percent(best['ece'])} %{after}; Brier score "
            f"{wording.decimal(best['brier'])}; log loss {wording.decimal(best['log_loss'])}",
            "cells",
        )
    ]


@fills
def metrics(of: Subject) -> list[Fact]:
    """The measures that the tables have."""
    titles = wording.listed(metric.title for metric in METRICS)
    return [Fact(f"Per model, overall or per class: {titles}", "cells, intervals")]


@fills
def uncertainty(of: Subject) -> list[Fact]:
    """What intervals rest on and cover."""
    rows = [
        row
        for row in records(of.of_best("intervals"))
        if row["metric"] == "accuracy" and not row["label"]
    ]
    if not rows:
        return []
    return [
        Fact(
            f"95 % intervals by {rows[0]['method']}; the unit is the group of images that belong "
            f"together ({wording.plural(int(rows[0]['units']), 'group')} tested); they cover the "
            f"{wording.interval_scope({rows[0]['covers'] != 'images'})}",
            "intervals",
        )
    ]


@fills
def comparisons(of: Subject) -> list[Fact]:
    """The configurations that differ significantly from the chosen one."""
    metric = of.run.metric
    rows = [row for row in of.of_subject("comparisons") if row["metric"] == metric.name]
    known = [row for row in rows if row["p_holm"] is not None]
    if not known:
        return []
    significant = sum(row["p_holm"] < 0.05 for row in known)
    methods = wording.listed(dict.fromkeys(row["method"] for row in known))
    return [
        Fact(
            f"{significant} of {wording.plural(len(known), 'other configuration')} "
            f"{'differs' if significant == 1 else 'differ'} significantly from the chosen one "
            f"in {wording.without_unit(metric)} ({methods}; Holm's correction over "
            f"{int(known[0]['family'])} comparisons)",
            "comparisons",
        )
    ]


@fills
def trainings(of: Subject) -> list[Fact]:
    """Repeated trainings and the spread between them."""
    rows = of.of_subject("trainings")
    if not rows:
        return []
    row = rows[0]
    text = (
        f"{wording.plural(int(row['seeds']), 'training seed')} on "
        f"{wording.plural(int(row['divisions']), 'division')} of the images"
    )
    if row["spread"] is not None:
        text += f"; standard deviation between trainings {wording.percent(row['spread'])} points"
    return [Fact(text, "trainings")]


@fills
def leak(of: Subject) -> list[Fact]:
    """What a leaky split would have reported."""
    rows = [
        row
        for row in records(of.table("policies"))
        if row["cells"] == "all" and row["split_policy"] != row["reference"]
    ]
    return [
        Fact(
            f"Under the {row['split_policy']} split, accuracies are "
            f"{wording.points(row['difference'])} points higher than under {row['reference']} "
            f"({wording.plural(int(row['pairs']), 'matched cell')})",
            "policies",
        )
        for row in rows
        if row["difference"] is not None
    ]


@fills
def errors(of: Subject) -> list[Fact]:
    """The wrong test rows of the best model, and its most frequent confusions."""
    rows = records(of.of_best("confusion"))
    if not rows:
        return []
    total = sum(int(row["count"]) for row in rows)
    wrong = Counter(
        {
            (row["label"], row["predicted"]): int(row["count"])
            for row in rows
            if row["label"] != row["predicted"] and row["count"]
        }
    )
    named = [f"{label} taken for {other} ({n})" for (label, other), n in wrong.most_common(3)]
    text = f"{wrong.total()} of {wording.plural(total, 'test row')} wrong"
    return [Fact(f"{text}; most often {', '.join(named)}" if named else text, "confusion")]


@fills
def confusion(of: Subject) -> list[Fact]:
    """The cross tabulation, for few classes in full."""
    rows = records(of.of_best("confusion"))
    if not rows:
        return []
    count = {(row["label"], row["predicted"]): int(row["count"]) for row in rows}
    lines = [
        f"{label}: {', '.join(str(count.get((label, other), 0)) for other in of.classes)}"
        for label in of.classes[:_MOST]
    ]
    return [
        Fact(f"True class: predicted as {', '.join(of.classes)}. {'; '.join(lines)}", "confusion")
    ]


@fills
def explanations(of: Subject) -> list[Fact]:
    """The maps that were drawn."""
    frame = of.table("attributions")
    if frame.empty:
        return []
    methods = wording.listed(map(of.run.method_title, dict.fromkeys(frame["method"])))
    return [
        Fact(
            f"Attribution maps of {wording.plural(frame['image_id'].nunique(), 'test image')}: "
            f"{wording.plural(len(frame), 'map')} by {methods}",
            "attributions",
        )
    ]


@fills
def test_size(of: Subject) -> list[Fact]:
    """The size of the test set, and the precision that it gave."""
    best = of.best
    if best is None:
        return []
    found = of.run.interval(best, "accuracy")
    half = (
        f"; the interval of the accuracy is {wording.percent(found.half_width)} points to each side"
        if found
        else ""
    )
    return [Fact(f"{wording.plural(int(best['n_test']), 'test row')}{half}", "cells, intervals")]


@fills
def unfinished(of: Subject) -> list[Fact]:
    """Cells without a result."""
    states = Counter(row["state"] for row in of.run.cells)
    return [
        Fact(
            f"{states['done']} of {wording.plural(states.total(), 'cell')} have a result, "
            f"{states['failed']} failed, {states['missing']} were not run",
            "cells",
        )
    ]


@fills
def limits(of: Subject) -> list[Fact]:
    """What the run itself knows of its limits."""
    facts = [*test_size(of), *unfinished(of), *_one_training(of)]
    if random := of.run.random_backbones():
        facts.append(
            Fact(
                f"Random weights in {wording.listed(random)}: no claim on pretrained networks",
                "run.json",
            )
        )
    caveat = of.run.split_policy(of.policy).caveat
    return [*facts, *([Fact(caveat, "run.json")] if caveat else [])]


def _one_training(of: Subject) -> list[Fact]:
    rows = of.of_subject("trainings")
    if not rows or rows[0]["trainings"] > 1:
        return []
    return [
        Fact("Each configuration was trained once: results are about these networks", "trainings")
    ]


def _with_interval(row: Row) -> str:
    text = f"{row['label']} {wording.percent(row['value'])}"
    if row["low"] is None:
        return text
    return f"{text} ({wording.percent_range(Interval(row['low'], row['high']))})"
