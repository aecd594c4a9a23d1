"""Data leakage: how many test rows leak into training under each split policy, and its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from markupsafe import Markup

from reports import wording
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale
from reports.policy_scores import Score, leak_score, policy_scores
from reports.run import Row, Run, records
from reports.sections.section import of_run
from reports.tables import SCHEMAS

_SHARE = Scale(0.0, 1.0)
_GUIDES = (0.0, 0.25, 0.5, 0.75, 1.0)

Accuracies = dict[str, list[float]]  # by split policy, one for each training
Leaks = dict[tuple[str, str, str, str], Row]  # by policy, scenario, augmentation, part


@dataclass(frozen=True)
class Policy:
    """A split policy, without or with augmentation: its leaks and its accuracy."""

    name: str
    meaning: str
    leaked: str  # percent of the test rows, all scenarios
    accuracy: str  # mean over the matched cells
    interval: str
    pictures: str  # different ones tested
    strip: Markup
    difference: str  # from the first policy, points; empty for the first itself
    difference_interval: str


@dataclass(frozen=True)
class Comparison:
    """The policies over the cells that are completed under all of them."""

    title: str
    policies: list[Policy]


@dataclass(frozen=True)
class Count:
    """Leaked rows of one split (repeats and folds summed)."""

    policy: str
    scenario: str
    augmentation: str
    n_test: str
    leaked: str
    share: str
    kinds: list[str]
    validation: str  # percent of the validation rows


@dataclass(frozen=True)
class Match:
    """One cell under every policy."""

    name: str
    accuracies: str  # for the tooltip
    difference: str
    strip: Markup


@dataclass(frozen=True)
class Panel:
    """The cells of one scenario, with or without augmentation."""

    title: str
    matches: list[Match]


@dataclass(frozen=True)
class Leakage:
    comparisons: list[Comparison]
    reference: str  # the policy that the others are compared with; empty if there is one only
    counts: list[Count]
    kinds: list[str]
    panels: list[Panel]
    ends: tuple[str, str]  # the panels' differences are of the second minus the first
    legend: list[tuple[str, Markup]]
    axis: Markup
    summary: str  # the leak in words; empty with fewer than two policies


def leakage_of(run: Run) -> Leakage | None:
    """None if the run recorded no leaks and has fewer than two policies."""
    names = leak_kinds(run)
    leaks = _leaks(run, list(names))
    panels = _panels(run) if len(run.policies) > 1 else []
    if not leaks and not panels:
        return None
    kinds = [kind for kind in names if any(row[kind] for row in leaks.values())]
    return Leakage(
        comparisons=[_compare(run, leaks, name) for name in run.augmentations],
        reference=run.policies[0] if len(run.policies) > 1 else "",
        counts=_counts(run, leaks, kinds),
        kinds=[names[kind] for kind in kinds],
        panels=panels,
        ends=(run.policies[0], run.policies[-1]) if run.policies else ("", ""),
        legend=[(policy, _legend(run, policy)) for policy in run.policies],
        axis=axis([(0.0, "0"), (0.5, "50"), (1.0, "100 %")], _SHARE),
        summary=_summary(run),
    )


def leak_kinds(run: Run) -> dict[str, str]:
    """The kinds of leak that the run counted, the closest first, with their names."""
    counted = [name for name in run.tables["leaks"].columns if name not in SCHEMAS["leaks"].names]
    return {name: run.info.get("leak_kinds", {}).get(name, name) for name in counted}


def _leaks(run: Run, kinds: Sequence[str]) -> Leaks:
    """The `leaks` table with repeats and folds summed."""
    keys = ["split_policy", "scenario", "augmentation", "part"]
    numbers = ["rows", "leaked", *kinds]
    sums = records(run.tables["leaks"].groupby(keys, as_index=False)[numbers].sum())
    return {tuple(row[name] for name in keys): row for row in sums}


def _compare(run: Run, leaks: Leaks, augmentation: str) -> Comparison:
    """The policies side by side; without a cell in common, only their leaks."""
    scores = {score.policy: score for score in policy_scores(run, run.policies, augmentation)}
    matched = wording.plural(next((s.cells for s in scores.values()), 0), "cell")
    return Comparison(
        title=f"{wording.augmentation(augmentation)}: {matched} completed under every policy",
        policies=[
            _policy(run, leaks, name, augmentation, scores.get(name)) for name in run.policies
        ],
    )


def _policy(run: Run, leaks: Leaks, name: str, augmentation: str, score: Score | None) -> Policy:
    wanted = augmentation, "test"
    test = [row for key, row in leaks.items() if key[0] == name and key[2:] == wanted]
    other = score if score and score.policy != score.reference else None
    return Policy(
        name=name,
        meaning=run.split_policy(name).meaning,
        leaked=_share(test),
        accuracy=wording.percent(score.mean if score else None),
        interval=wording.percent_range(score.interval if score else None),
        pictures=wording.count(score.pictures if score else None),
        strip=strip([_mark(run, score)] if score else [], _SHARE, guides=_GUIDES),
        difference=wording.points(other.difference) if other else "",
        difference_interval=wording.points_range(other.difference_interval) if other else "",
    )


def _mark(run: Run, score: Score) -> Mark:
    return Mark(score.mean, run.split_policy(score.policy).mark, score.policy, score.interval)


def _legend(run: Run, policy: str) -> Markup:
    return strip([Mark(0.5, run.split_policy(policy).mark, policy)], _SHARE, height=12)


def _share(rows: list[Row]) -> str:
    total = sum(row["rows"] for row in rows)
    return wording.percent(sum(row["leaked"] for row in rows) / total if total else None)


def _counts(run: Run, leaks: Leaks, kinds: list[str]) -> list[Count]:
    def order(key: tuple[Any, ...]) -> tuple[Any, ...]:
        orders = run.policies, run.scenarios, run.augmentations
        return tuple(_index(names, name) for names, name in zip(orders, key, strict=False))

    tested = sorted((key for key in leaks if key[3] == "test"), key=order)
    return [_count(leaks[key], leaks.get((*key[:3], "val")), kinds) for key in tested]


def _count(test: Row, validation: Row | None, kinds: list[str]) -> Count:
    return Count(
        policy=test["split_policy"],
        scenario=wording.scenario(test["scenario"]),
        augmentation=wording.augmentation(test["augmentation"]),
        n_test=wording.count(test["rows"]),
        leaked=wording.count(test["leaked"]),
        share=_share([test]),
        kinds=[wording.count(test[kind]) for kind in kinds],
        validation=_share([validation] if validation else []),
    )


def _panels(run: Run) -> list[Panel]:
    found: dict[tuple[str, str], dict[tuple[str, str, str], Accuracies]] = {}
    for row in run.cells:
        panel = found.setdefault((row["scenario"], row["augmentation"]), {})
        match = panel.setdefault((row["strategy"], row["backbone"], row["weights"]), {})
        if row["accuracy"] is not None:
            match.setdefault(row["split_policy"], []).append(row["accuracy"])
    return [
        Panel(
            f"{wording.scenario(scenario)}, {wording.augmentation(augmentation)}",
            [
                _match(run, f"{backbone}, {wording.strategy(strategy)}", values)
                for (strategy, backbone, _), values in matches.items()
            ],
        )
        for scenario, augmentation in product(run.scenarios, run.augmentations)
        if (matches := found.get((scenario, augmentation)))
    ]


def _match(run: Run, name: str, values: Accuracies) -> Match:
    """A cell without a result under one of the policies keeps its line, without a difference."""
    policies = run.policies
    means = {policy: sum(values[policy]) / len(values[policy]) for policy in values}
    first, last = means.get(policies[0]), means.get(policies[-1])
    ends = [policies[0], policies[-1]] if first is not None and last is not None else []
    order = ends + [policy for policy in policies if policy in means and policy not in ends]
    marks = [Mark(means[policy], run.split_policy(policy).mark, policy) for policy in order]
    return Match(
        name=name,
        accuracies=", ".join(f"{p} {wording.percent(means.get(p))} %" for p in policies),
        difference=wording.points(None if first is None or last is None else last - first),
        strip=strip(marks, _SHARE, guides=_GUIDES, link=bool(ends)),
    )


def _summary(run: Run) -> str:
    score = leak_score(run)
    if score is None:
        return ""
    cells = run.split_policy(score.policy).compared_cells
    return (
        f"Accuracy difference, {score.policy} minus {score.reference}: "
        f"{wording.points(score.difference)} points (95 % CI "
        f"{wording.points_range(score.difference_interval)}; {score.cells} matched {cells}, "
        "trainings averaged)."
    )


def _index(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


SECTION = of_run(
    "leak",
    "Leakage",
    "leak.html.j2",
    leakage_of,
    "Trust the split in which the fewest test images have a relative in training. What another "
    "split scores above it is no performance on new patients.",
)
