"""The top of the page: what came out, how sure that is, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reports import wording
from reports.run import Row, Run, interval_of
from reports.statistics import Effect, paired_effect

_POLICY_MEANING = {
    "grouped": "identical and near-identical images, and what the user groups, kept on one side",
    "stratified": "images split first, then the training images augmented",
    "pooled": "augmented first, then split: copies of one image on both sides",
}


@dataclass(frozen=True)
class Best:
    """The best cell of one split policy, in words."""

    policy: str
    meaning: str
    backbone: str
    recipe: str
    scenario: str
    accuracy: str
    interval: str
    n_test: str
    chance: str
    anchor: str
    of_cells: int


@dataclass(frozen=True)
class Leak:
    """Pooled minus grouped accuracy over matched augmented cells, in accuracy points."""

    mean: str
    interval: str
    pairs: int


@dataclass(frozen=True)
class Verdict:
    name: str
    sentence: str
    best: list[Best]
    leak: Leak | None
    gaps: str  # failed and missing cells; empty if none
    random_weights: list[str]
    interrupted: bool
    how_to_resume: str
    facts: list[str]


def build(run: Run) -> Verdict:
    """Compose the header from the cells and run.json."""
    best = [card for policy in run.policies if (card := _best(run, policy))]
    leak = _leak(run)
    return Verdict(
        name=run.info.get("name", "run"),
        sentence=_sentence(best, leak),
        best=best,
        leak=leak,
        gaps=_gaps(run.cells),
        random_weights=run.random_backbones(),
        interrupted=run.info.get("status") == "interrupted",
        how_to_resume=run.info.get("how_to_resume", ""),
        facts=_facts(run),
    )


def policy_meaning(policy: str) -> str:
    """One line on what a split policy does."""
    return _POLICY_MEANING.get(policy, "")


def _best(run: Run, policy: str) -> Best | None:
    rows = [row for row in run.done if row["split_policy"] == policy]
    if not rows:
        return None
    row = max(rows, key=lambda row: row["accuracy"])
    return Best(
        policy=policy,
        meaning=policy_meaning(policy),
        backbone=row["backbone"],
        recipe=wording.recipe(row),
        scenario=wording.scenario(row["scenario"]),
        accuracy=wording.percent(row["accuracy"]),
        interval=wording.percent_range(interval_of(row)),
        n_test=_test_rows(row),
        chance=wording.percent(row["chance"]),
        anchor=row["anchor"],
        of_cells=len(rows),
    )


def _test_rows(row: Row) -> str:
    if row["split_policy"] == "pooled" and row["augmented"]:
        return f"{wording.plural(int(row['n_test']), 'test row')}, copies included,"
    return wording.plural(int(row["n_test"]), "test image")


def _leak(run: Run) -> Leak | None:
    effect = leak_effect(run)
    if effect is None or not effect.pairs:
        return None
    return Leak(wording.points(effect.mean), wording.points_range(effect.interval), effect.pairs)


def leak_effect(run: Run) -> Effect | None:
    """Pooled minus grouped over augmented cells, if the run has both: without copies there is
    nothing that pooling could leak."""
    if not {"pooled", "grouped"} <= set(run.policies):
        return None
    cells = run.tables["cells"]
    return paired_effect(cells[cells["augmented"]], "split_policy", "pooled", "grouped")


def _sentence(best: list[Best], leak: Leak | None) -> str:
    if not best:
        return "No cell of this run has a test result yet."
    first = best[0]
    text = (
        f"Under the {first.policy} split the best of {wording.plural(first.of_cells, 'cell')} is "
        f"{first.backbone}, {first.recipe}, on {first.scenario}: {first.accuracy} % of "
        f"{first.n_test} right, where always naming the most common class gives "
        f"{first.chance} %."
    )
    if first.policy == "pooled":
        text += (
            " Copies of one image lie on both sides of this split, so it does not say how new "
            "patients would fare."
        )
    if leak and leak.mean.startswith("+"):
        text += (
            f" The pooled split scores {leak.mean[1:]} points more on average over the same "
            "augmented cells: that is its leak, not skill."
        )
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
        "They are left out of every average below."
    )


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
