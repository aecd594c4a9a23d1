"""The leak meter: how many test rows have a sibling in training, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from reports import wording
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale
from reports.run import Run, records
from reports.sections.verdict import leak_effect, policy_meaning
from reports.statistics import Effect

_SHARE = Scale(0.0, 1.0)
_GUIDES = (0.0, 0.25, 0.5, 0.75, 1.0)

Accuracies = dict[str, list[float]]  # by split policy, one for each seed


@dataclass(frozen=True)
class Count:
    """Leaked test rows of one split (seeds summed)."""

    policy: str
    scenario: str
    augmentation: str
    n_test: str
    leaked: str
    share: str


@dataclass(frozen=True)
class Pair:
    """One matched cell under both policies."""

    name: str
    grouped: str
    pooled: str
    difference: str
    strip: Markup


@dataclass(frozen=True)
class Panel:
    """The pairs of one scenario, with and without augmentation."""

    title: str
    pairs: list[Pair]


@dataclass(frozen=True)
class LeakMeter:
    counts: list[Count]
    meanings: list[tuple[str, str]]
    panels: list[Panel]
    axis: Markup
    effect: Effect | None
    mean: str
    interval: str


def build(run: Run) -> LeakMeter | None:
    """None when the run recorded no leaks and has no two policies to compare."""
    counts = _counts(run)
    panels = _panels(run)
    if not counts and not panels:
        return None
    effect = leak_effect(run)
    return LeakMeter(
        counts=counts,
        meanings=[(policy, policy_meaning(policy)) for policy in run.policies],
        panels=panels,
        axis=axis([(0.0, "0"), (0.5, "50"), (1.0, "100 %")], _SHARE),
        effect=effect if effect and effect.pairs else None,
        mean=wording.points(effect.mean) if effect else "",
        interval=wording.points_range(effect.interval) if effect else "",
    )


def _counts(run: Run) -> list[Count]:
    frame = run.tables["leaks"]
    keys = ["split_policy", "scenario", "augmented"]
    sums = records(frame.groupby(keys, as_index=False)[["n_test", "leaked"]].sum())
    sums.sort(
        key=lambda row: (
            _index(run.policies, row["split_policy"]),
            _index(run.scenarios, row["scenario"]),
            row["augmented"],
        )
    )
    return [
        Count(
            policy=row["split_policy"],
            scenario=wording.scenario(row["scenario"]),
            augmentation=wording.augmentation(row["augmented"]),
            n_test=wording.count(row["n_test"]),
            leaked=wording.count(row["leaked"]),
            share=wording.percent(row["leaked"] / row["n_test"] if row["n_test"] else None),
        )
        for row in sums
    ]


def _panels(run: Run) -> list[Panel]:
    if not {"pooled", "grouped"} <= set(run.policies):
        return []
    found: dict[tuple[str, bool], dict[tuple[str, str, str], Accuracies]] = {}
    for row in run.cells:
        panel = found.setdefault((row["scenario"], bool(row["augmented"])), {})
        pair = panel.setdefault((row["strategy"], row["backbone"], row["weights"]), {})
        if row["accuracy"] is not None:
            pair.setdefault(row["split_policy"], []).append(row["accuracy"])
    return [
        Panel(
            f"{wording.scenario(scenario)}, {wording.augmentation(augmented)}",
            [
                _pair(f"{backbone}, {wording.strategy(strategy)}", values)
                for (strategy, backbone, _), values in pairs.items()
            ],
        )
        for (scenario, augmented), pairs in sorted(
            found.items(), key=lambda item: (run.scenarios.index(item[0][0]), item[0][1])
        )
    ]


def _pair(name: str, values: Accuracies) -> Pair:
    """A cell that lacks one side stays in the table, with a dash for its difference."""
    grouped, pooled = (_mean(values.get(policy)) for policy in ("grouped", "pooled"))
    marks = [Mark(grouped, "dot", "grouped")] if grouped is not None else []
    marks += [Mark(pooled, "ring", "pooled")] if pooled is not None else []
    both = grouped is not None and pooled is not None
    return Pair(
        name=name,
        grouped=wording.percent(grouped),
        pooled=wording.percent(pooled),
        difference=wording.points((pooled or 0.0) - (grouped or 0.0) if both else None),
        strip=strip(marks, _SHARE, guides=_GUIDES, link=both),
    )


def _mean(values: list[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def _index(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)
