"""The grid: every planned cell, the trainings of a configuration together, failures in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from markupsafe import Markup

from reports import wording
from reports.axes import training_choices
from reports.figures.strip import Mark, strip
from reports.figures.svg import Scale
from reports.repeats import Repeats, fold_repeats
from reports.run import Row, Run, interval_of
from reports.sections.section import of_run
from reports.statistics import Interval
from reports.vintages import vintages

_SHARE = Scale(0.0, 1.0)


@dataclass(frozen=True)
class Tile:
    """One place of the grid: a cell, or the trainings of one configuration."""

    key: str
    state: str  # done | failed | missing | absent (not planned)
    anchor: str = ""
    accuracy: str = ""
    shade: int = 0  # 0..100, of the heat colour
    spread: str = ""
    n: str = ""
    note: str = ""
    strip: Markup = field(default_factory=Markup)
    above_chance: bool = True
    champion: bool = False


@dataclass(frozen=True)
class Line:
    """One strategy and augmentation, over all backbones."""

    recipe: str
    tiles: list[Tile]


@dataclass(frozen=True)
class Group:
    """One scenario's lines."""

    scenario: str
    about: str
    lines: list[Line]


@dataclass(frozen=True)
class Column:
    """One backbone (with its weights, where a run has more than one kind)."""

    backbone: str
    weights: str
    random: bool
    about: str


@dataclass(frozen=True)
class Block:
    """One split policy."""

    policy: str
    meaning: str
    columns: list[Column]
    groups: list[Group]


@dataclass(frozen=True)
class Grid:
    blocks: list[Block]
    caption: str
    vintages: str  # what the backbones' weights were trained on


def grid_of(run: Run) -> Grid:
    """Fold the cells into blocks, groups, lines and tiles."""
    return Grid([_block(run, policy) for policy in run.policies], _caption(run), vintages(run))


def _block(run: Run, policy: str) -> Block:
    cells = [row for row in run.cells if row["split_policy"] == policy]
    columns = sorted(
        {(row["backbone"], row["weights"]) for row in cells},
        key=lambda pair: (run.backbones.index(pair[0]), pair[1]),
    )
    groups = []
    for scenario in (s for s in run.scenarios if any(row["scenario"] == s for row in cells)):
        rows = [row for row in cells if row["scenario"] == scenario]
        by_recipe = groupby(rows, key=training_choices)
        lines = [_line(list(members), columns) for _, members in by_recipe]
        classes = len(run.classes(scenario))
        about = wording.plural(classes, "class") if classes else ""
        groups.append(Group(wording.scenario(scenario), about, lines))
    heads = [_column(run, *pair) for pair in columns]
    return Block(policy, run.split_policy(policy).meaning, heads, groups)


def _column(run: Run, backbone: str, weights: str) -> Column:
    about = run.info.get("backbones", {}).get(backbone, {})
    size = wording.millions(about["parameters"]) if about.get("parameters") else ""
    text = weights if weights == "imagenet" else weights.replace("none", "random weights")
    return Column(backbone, text, bool(about.get("random")), size)


def _line(rows: list[Row], columns: Sequence[tuple[str, str]]) -> Line:
    first = rows[0]
    tiles = [
        _tile([row for row in rows if (row["backbone"], row["weights"]) == pair], first, pair)
        for pair in columns
    ]
    done = [tile for tile in tiles if tile.accuracy]
    best = max((float(tile.accuracy) for tile in done), default=None)
    marked = [
        replace(tile, champion=True) if tile.accuracy and float(tile.accuracy) == best else tile
        for tile in tiles
    ]
    return Line(wording.recipe(first), marked)


def _tile(rows: list[Row], first: Row, pair: tuple[str, str]) -> Tile:
    key = "/".join(
        (
            first["split_policy"],
            *(pair[0], first["scenario"]),
            *training_choices(first)[::-1],
        )
    )
    if not rows:
        return Tile(key, "absent")
    repeats, state = fold_repeats(rows), _worst(rows)
    if repeats is None:
        reason = next((row["error"] for row in rows if row["error"]), "")
        return Tile(key, state, rows[0]["anchor"], note=_last_line(reason))
    if len(rows) == 1:
        return _single(key, rows[0])
    return _folded(key, state, rows, repeats)


def _single(key: str, row: Row) -> Tile:
    interval = interval_of(row) or Interval(row["accuracy"], row["accuracy"])
    return Tile(
        key=key,
        state="done",
        anchor=row["anchor"],
        accuracy=wording.percent(row["accuracy"]),
        shade=_shade(row["accuracy"]),
        spread=f"±{100 * interval.half_width:.1f}",
        n=f"n {wording.count(row['n_test'])}",
        note=f"95 % interval {wording.percent_range(interval)} %",
        strip=_whisker(row["accuracy"], interval, row["chance"]),
        above_chance=interval.low > row["chance"],
    )


def _folded(key: str, state: str, rows: list[Row], repeats: Repeats) -> Tile:
    done = [row for row in rows if row["state"] == "done"]
    chance = max(row["chance"] for row in done)
    return Tile(
        key=key,
        state=state,
        anchor=done[0]["anchor"],
        accuracy=wording.percent(repeats.mean),
        shade=_shade(repeats.mean),
        spread=wording.percent_range(repeats.spread),
        n=repeats.text,
        note=(
            f"mean of {repeats.text}, 95 % interval {wording.percent_range(repeats.interval)} % "
            f"on {wording.count(repeats.n)} test rows"
        ),
        strip=_whisker(repeats.mean, repeats.spread, chance),
        above_chance=repeats.interval.low > chance,
    )


def _shade(accuracy: float) -> int:
    """Steeper towards 1, where cells differ by little and it matters."""
    return round(100 * math.pow(accuracy, 1.8))


def _whisker(value: float, spread: Interval, chance: float) -> Markup:
    return strip([Mark(value, "dot", "", spread)], _SHARE, height=8, guides=[chance])


def _worst(rows: list[Row]) -> str:
    states = {row["state"] for row in rows}
    return next((state for state in ("failed", "missing") if state in states), "done")


def _last_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _caption(run: Run) -> str:
    if run.repeated:
        counts = [f"{len(values)} {name}s" for name, values in run.repeated.items()]
        spread = (
            f"Each number is the mean over {' by '.join(counts)}; the range below it runs from "
            "the lowest to the highest training."
        )
    else:
        spread = (
            "± is half the width of the 95 % interval. It accounts for the choice of test images, "
            "with copies and duplicates counted once, but not for another division of the images "
            "or another training."
        )
    return (
        "Test accuracy (%) of each cell's champion. "
        f"{spread} The line below each number runs from 0 to 100 %; the tick marks the "
        "majority-class rate. Italic: the interval includes the majority-class rate. Bold: the "
        "best of its row; the best of many is partly luck. Each tile links to its cell."
    )


SECTION = of_run(
    "grid",
    "Grid",
    "grid.html.j2",
    grid_of,
    "Each tile is one trained network, or the mean of several. Compare its interval with the "
    "majority-class tick: where they overlap, the network has not been shown to have learned "
    "anything.",
)
