"""The top of the page: the main results, their uncertainty, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports import wording
from reports.axes import configuration_name
from reports.headline import Headline, headline, used_headline
from reports.policy_scores import leak_score
from reports.repeats import Repeats, balanced_accuracy, fold_repeats
from reports.run import Row, Run, records
from reports.sections.trainings import subject
from reports.statistics import Interval
from reports.statistics.multiplicity import LEVEL

_MOST_CARDS = 8


@dataclass(frozen=True)
class Best:
    """A scenario's headline under the most trustworthy split policy, in words."""

    policy: str
    backbone: str
    recipe: str
    scenario: str
    accuracy: str
    interval: str
    n_test: str
    chance: str
    anchor: str
    of: int  # configurations that validation chose from
    repeats: str  # "mean of 5 folds"; empty for a single training
    balanced: str  # the balanced accuracy where classes are uneven, else empty
    alike: str  # how many others do not differ significantly, a sentence
    covers_trainings: bool  # whether the interval covers other trainings too
    used: bool  # whether `predict` and `export` take it
    elsewhere: list[str]  # the headlines of the other policies, a phrase each


@dataclass(frozen=True)
class Leak:
    """One policy's accuracy minus a more trustworthy one's over matched cells, in points."""

    policy: str
    against: str
    cells: str  # which were compared
    mean: str
    interval: str
    pairs: int
    beyond_chance: bool  # whether the interval leaves zero out


@dataclass(frozen=True)
class Verdict:
    name: str
    sentence: str
    best: list[Best]
    more: int  # scenarios whose headline is not among them
    leak: Leak | None
    scope: str  # what the intervals cover
    optimism: list[str]  # a sentence for each split policy
    gaps: str  # failed and missing cells; empty if none
    budget: str  # what was left out to fit a budget; empty if nothing
    random_weights: list[str]
    interrupted: bool
    how_to_resume: str
    facts: list[str]


def verdict_of(run: Run) -> Verdict:
    """Compose the header from the cells and run.json."""
    best = _headlines(run)
    leak = _leak(run)
    return Verdict(
        name=run.info.get("name", "run"),
        sentence=_sentence(run, best, leak),
        best=best[:_MOST_CARDS],
        more=len(best[_MOST_CARDS:]),
        leak=leak,
        scope=_scope(best),
        optimism=_optimism(run),
        gaps=_gaps(run.cells),
        budget=budget_sentence(run.info),
        random_weights=run.random_backbones(),
        interrupted=run.info.get("status") == "interrupted",
        how_to_resume=run.info.get("how_to_resume", ""),
        facts=_facts(run),
    )


def _headlines(run: Run) -> list[Best]:
    """One for each scenario, under the most trustworthy policy that has a result."""
    used = used_headline(run)
    if used is None:
        return []
    others = [policy for policy in run.policies if policy != used.policy]
    return [
        _best(run, one, used, [other for p in others if (other := headline(run, p, scenario))])
        for scenario in run.scenarios
        if (one := headline(run, used.policy, scenario))
    ]


def _best(run: Run, one: Headline, used: Headline, others: list[Headline]) -> Best:
    repeats, row = fold_repeats(one.rows), one.best
    assert repeats is not None
    return Best(
        policy=one.policy,
        backbone=row["backbone"],
        recipe=wording.recipe(row),
        scenario=wording.scenario(row["scenario"]),
        accuracy=wording.percent(repeats.mean),
        interval=wording.percent_range(repeats.interval),
        n_test=_test_rows(run, row, repeats),
        chance=wording.percent(max(r["chance"] for r in one.rows if r["state"] == "done")),
        anchor=row["anchor"],
        of=one.of,
        repeats=f"mean of {repeats.text}" if len(one.rows) > 1 else "",
        balanced=_balanced(run, one),
        alike=_alike(run, row),
        covers_trainings=run.covers_trainings(one.rows),
        used=one.scenario == used.scenario,
        elsewhere=[_elsewhere(other) for other in others],
    )


def _balanced(run: Run, one: Headline) -> str:
    found = balanced_accuracy(run, one.rows)
    if found is None:
        return ""
    value, interval = found
    text = f"balanced accuracy {wording.percent(value)}\u00a0%"
    return f"{text} (95 % CI {wording.percent_range(interval)})" if interval else text


def _elsewhere(one: Headline) -> str:
    repeats = fold_repeats(one.rows)
    assert repeats is not None
    return f"{one.policy} split: {wording.percent(repeats.mean)}\u00a0%"


def _alike(run: Run, best: Row) -> str:
    """A sentence on the configurations that do not differ significantly from the chosen one."""
    own = [
        row
        for row in run.measured("comparisons", run.metric.name)
        if (row["split_policy"], row["scenario"]) == (best["split_policy"], best["scenario"])
        and row["best"] == configuration_name(best)
    ]
    alike = sum(row["p_holm"] >= LEVEL for row in own)
    if not alike:
        return ""
    noun, name = subject(own), wording.without_unit(run.metric)
    by = "" if run.metric.name == "accuracy" else f" in {name}"
    if len(own) == 1:
        return f"The only other {noun} in this scenario does not differ significantly{by}."
    if alike == len(own):
        return f"None of the other {alike} {noun}s in this scenario differs significantly{by}."
    verb = "does" if alike == 1 else "do"
    others = f"the other {len(own)} {noun}s in this scenario"
    return f"Of {others}, {alike} {verb} not differ significantly{by}."


def _scope(best: list[Best]) -> str:
    """The scope of the intervals on the cards, in words."""
    if not best:
        return ""
    if all(one.covers_trainings for one in best):
        return "Intervals account for the choice of test images and for training randomness."
    if not any(one.repeats for one in best):
        return (
            "Intervals account for the choice of test images only. Each configuration was trained "
            "once, on one division of the images, so these results compare trained networks, not "
            "architectures."
        )
    return (
        "Intervals account for the choice of test images only: there are too few trainings to "
        "estimate training randomness."
    )


def _optimism(run: Run) -> list[str]:
    rows = {row["split_policy"]: row for row in records(run.tables["optimism"])}
    return [_optimistic(rows[policy]) for policy in run.policies if policy in rows]


def _optimistic(row: Row) -> str:
    interval = None if row["low"] is None else Interval(row["low"], row["high"])
    sure = f" (95 % CI {wording.points_range(interval)})" if interval else ""
    zero = interval is not None and 0.0 in interval
    text = (
        f"{row['split_policy']}: {wording.points(row['mean'])} points{sure} over "
        f"{wording.plural(int(row['cells']), 'cell')}"
    )
    return f"{text}, not significant" if zero else text


def _test_rows(run: Run, row: Row, repeats: Repeats) -> str:
    if run.split_policy(row["split_policy"]).tests_copies and row["augmented"]:
        return f"{wording.plural(repeats.n, 'test row')} with copies"
    return wording.plural(repeats.n, "test image")


def _leak(run: Run) -> Leak | None:
    score = leak_score(run)
    if score is None:
        return None
    return Leak(
        policy=score.policy,
        against=score.reference,
        cells=run.split_policy(score.policy).compared_cells,
        mean=wording.points(score.difference),
        interval=wording.points_range(score.difference_interval),
        pairs=score.cells,
        beyond_chance=score.difference_interval is not None and score.difference_interval.low > 0,
    )


def _sentence(run: Run, best: list[Best], leak: Leak | None) -> str:
    """The headline that `predict` takes, and the leak."""
    first = next((one for one in best if one.used), None)
    if first is None:
        return "No cell of this run has a test result yet."
    mean = f", {first.repeats}" if first.repeats else ""
    text = (
        f"Best on validation for {first.scenario}: {first.backbone}, {first.recipe}. Test accuracy "
        f"{first.accuracy} % (95 % CI {first.interval}; {first.n_test}{mean}); majority class "
        f"{first.chance} %."
    )
    if first.alike:
        text += f" {first.alike}"
    if caveat := run.split_policy(first.policy).caveat:
        text += f" {caveat}"
    return _unbroken(text + _leak_sentence(run, leak) if leak else text)


def _leak_sentence(run: Run, leak: Leak) -> str:
    if not leak.mean.startswith("+"):
        return ""
    text = (
        f" The {leak.policy} split scores {leak.mean[1:]} points higher on average over the same "
        f"{leak.cells}"
    )
    if leak.beyond_chance:
        return f"{text}, {run.split_policy(leak.policy).leak}."
    return f"{text}, which may be due to chance with so few images."


def _unbroken(text: str) -> str:
    """With spaces that do not break where a number and its noun belong together."""
    return text.replace(" %", "\u00a0%").replace("scenario ", "scenario\u00a0")


def _gaps(cells: list[Row]) -> str:
    states = [row["state"] for row in cells]
    failed, missing = states.count("failed"), states.count("missing")
    if not failed and not missing:
        return ""
    parts = [f"{number} {word}" for number, word in ((failed, "failed"), (missing, "missing"))]
    verb = "has" if failed + missing == 1 else "have"
    return (
        f"{failed + missing} of {wording.plural(len(cells), 'cell')} {verb} no result: "
        f"{' and '.join(part for part in parts if not part.startswith('0 '))}. "
        "They are excluded from all averages below."
    )


def budget_sentence(info: Row) -> str:
    """What a run left out to fit its budget; empty if nothing. `info`: run.json."""
    budget = info.get("budget", {})
    left_out = budget.get("left_out")
    return f"Left out to fit {budget['text']}: {'; '.join(left_out)}." if left_out else ""


def _facts(run: Run) -> list[str]:
    info = run.info
    trials: dict[str, Any] = info.get("trials", {})
    data: dict[str, Any] = info.get("data", {})
    facts = [
        wording.plural(len(run.cells), "cell"),
        f"{wording.plural(int(trials.get('planned', 0)), 'trial')}"
        f" ({wording.count(trials.get('stopped', 0))} stopped early)",
        f"{wording.plural(int(data.get('images', 0)), 'image')} from {data.get('source', '?')}",
        _when(info),
    ]
    return [fact for fact in facts if fact]


def _when(info: Row) -> str:
    try:
        started = datetime.fromisoformat(info["started"])
        ended = datetime.fromisoformat(info["ended"])
    except (KeyError, TypeError, ValueError):
        return ""
    return f"{started:%Y-%m-%d %H:%M} UTC, {wording.seconds((ended - started).total_seconds())}"
