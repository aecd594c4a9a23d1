"""The search of a cell, and whether its best draw lies at an edge of the search space."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

from reports import wording
from reports.figures.search import Point, mark, search_plot
from reports.figures.svg import element
from reports.metrics.deciding import Deciding
from reports.run import Row, Run

_ON_AXIS = "lr"  # the hyperparameter along the plot; two others have colour and shape


@dataclass(frozen=True)
class Edge:
    """A champion's value at the end of what was searched, with the draws to show that it counts."""

    recipe: str
    name: str  # the hyperparameter
    title: str
    largest: bool

    @property
    def text(self) -> str:
        """'the best learning rate is the largest tried: widen recipes.paper.lr'."""
        end = "largest" if self.largest else "smallest"
        return f"the best {self.title} is the {end} tried: widen recipes.{self.recipe}.{self.name}"


@dataclass(frozen=True)
class Trial:
    """One line of the search table."""

    champion: bool
    mark: Markup
    draw: int
    setting: list[str]  # the value of each hyperparameter
    epochs: str
    validation: str  # the metric that decides, and accuracy if that is another
    state: str
    wall: str
    speed: str
    error: str


@dataclass(frozen=True)
class Candidate:
    """One line of the settings that a probe tried."""

    chosen: bool
    setting: str
    validation: str


@dataclass(frozen=True)
class Search:
    """The tables, the plot and the sentence of one cell."""

    metric: str  # what the plot shows: the metric that validation decides by, with its unit

    hyperparameters: list[str]  # their titles
    trials: list[Trial]
    candidates: list[Candidate]  # of a cell whose one trial searched by itself
    plot: Markup
    sentence: str


class Space:
    """The values of each hyperparameter that a run tried, in order, by strategy and recipe."""

    def __init__(self, run: Run) -> None:
        trials = run.tables["trials"]
        self.metric = run.metric
        self.titles = run.hyperparameters
        self.ordered = [name for name in self.titles if is_numeric_dtype(trials[name])]
        self._values = {
            (*key, name): sorted(set(rows[name].dropna()))
            for key, rows in trials.groupby(["strategy", "recipe"], sort=True)
            for name in self.titles
        }

    def values(self, row: Row, name: str) -> list[float]:
        """What the cells of this one's strategy and recipe tried."""
        return self._values.get((row["strategy"], row["recipe"], name), [])

    def searched(self, row: Row) -> list[str]:
        """The hyperparameters of which more than one value was tried."""
        return [name for name in self.titles if len(self.values(row, name)) > 1]

    def place(self, row: Row, name: str, value: float) -> int:
        """The place of a value among those tried."""
        values = self.values(row, name)
        return values.index(value) if value in values else 0

    def edges(self, row: Row, trials: Sequence[Row]) -> list[Edge]:
        """Where the champion lies at an end of what was searched, and every draw of the cell with
        another value did worse on validation."""
        champion = next((one for one in trials if one["trial"] == row["champion"]), None)
        if champion is None:
            return []
        found = []
        for name in self.ordered:
            values = self.values(row, name)
            own = champion[name]
            if len(values) > 1 and own in (values[0], values[-1]) and _best(champion, trials, name):
                found.append(Edge(row["recipe"], name, self.titles[name], own == values[-1]))
        return found


def search_of(
    row: Row, trials: Sequence[Row], space: Space, candidates: Mapping[str, Sequence[Row]]
) -> Search | None:
    """None for a cell without trials. `candidates`: rows of the table by trial."""
    if not trials:
        return None
    edges = space.edges(row, trials)
    text = "; ".join(edge.text for edge in edges)
    tried = [one for trial in trials for one in candidates.get(trial["trial"], ())]
    return Search(
        metric=space.metric.title + (", %" if space.metric.percent else ""),
        hyperparameters=[space.titles[name] for name in space.searched(row)],
        trials=[_trial(row, trial, space) for trial in trials],
        candidates=[
            Candidate(one["chosen"], one["setting"], _validation(one, space.metric))
            for one in tried
        ],
        plot=_plot(row, trials, space),
        sentence=f"{text[0].upper()}{text[1:]}." if text else "",
    )


def summary_of(cells: Sequence[tuple[Row, Sequence[Row]]], space: Space) -> str:
    """One sentence on the champions of all cells, with their trials; empty where nothing was
    searched."""
    searched = [
        (row, trials)
        for row, trials in cells
        if row["champion"] is not None
        and any(len({trial[name] for trial in trials}) > 1 for name in space.ordered)
    ]
    if not searched:
        return ""
    at_edge = [space.edges(row, trials) for row, trials in searched]
    several = wording.plural(len(searched), "searched cell")
    if not any(at_edge):
        return f"No best draw lies at an edge of the search space ({several})."
    parts = filter(None, (_counted(at_edge, name, space) for name in space.ordered))
    return (
        f"In {sum(map(bool, at_edge))} of {several}, the best draw lies at an edge of the search "
        f"space and every other value scored lower: {'; '.join(parts)}."
    )


def _counted(at_edge: Sequence[Sequence[Edge]], name: str, space: Space) -> str:
    found = [edge.largest for edges in at_edge for edge in edges if edge.name == name]
    largest, smallest = sum(found), len(found) - sum(found)
    ends = [f"{n} at the {end}" for n, end in ((largest, "largest"), (smallest, "smallest")) if n]
    return f"{space.titles[name]} {' and '.join(ends)}" if ends else ""


def _best(champion: Row, trials: Sequence[Row], name: str) -> bool:
    """Whether draws with another value of `name` were tried, and all did worse."""
    others = [
        trial["val_score"]
        for trial in trials
        if trial[name] != champion[name] and trial["val_score"] is not None
    ]
    return bool(others) and max(others) < champion["val_score"]


def _plot(row: Row, trials: Sequence[Row], space: Space) -> Markup:
    """Nothing where one learning rate was tried only, or one trial."""
    rates = space.values(row, _ON_AXIS)
    shown = [trial for trial in trials if trial["val_score"] is not None]
    if len(shown) < 2 or len(rates) < 2:
        return Markup("")
    points = [
        Point(
            lr=trial[_ON_AXIS],
            value=trial["val_score"],
            tone=tone,
            shape=shape,
            title=f"draw {trial['draw']}: {_validation(trial, space.metric)}",
            champion=trial["trial"] == row["champion"],
            stopped=trial["state"] == "stopped",
        )
        for trial in shown
        for tone, shape in [_tone_and_shape(row, trial, space)]
    ]
    metric = space.metric
    return search_plot(
        points,
        (rates[0], rates[-1]),
        f"Validation {metric.title} by learning rate",
        lambda value: f"{100 * value:.0f}" if metric.percent else f"{abs(value):.2f}",
        (0.0, 1.0) if metric.percent and metric.higher_is_better else (-math.inf, math.inf),
    )


def _validation(trial: Row, metric: Deciding) -> str:
    """'61.7 %', or with a metric other than accuracy '0.912 (61.7 %)'."""
    accuracy = f"{wording.percent(trial['val_accuracy'])} %"
    if metric.name == "accuracy":
        return accuracy
    return f"{wording.score(metric, trial['val_score'])} ({accuracy})"


def _tone_and_shape(row: Row, trial: Row, space: Space) -> tuple[int, int]:
    """The places of a trial's values of the two hyperparameters that the plot has no axis for."""
    others = [name for name in space.searched(row) if name != _ON_AXIS][:2]
    places = [space.place(row, name, trial[name]) for name in others]
    tone, shape, *_ = (*places, 0, 0)
    return tone, shape


def _trial(row: Row, trial: Row, space: Space) -> Trial:
    return Trial(
        champion=trial["trial"] == row["champion"],
        mark=_key(*_tone_and_shape(row, trial, space)),
        draw=trial["draw"],
        setting=[wording.setting(trial[name]) for name in space.searched(row)],
        epochs=f"{wording.count(trial['epochs'])} / {wording.count(trial['epochs_max'])}",
        validation="" if trial["val_score"] is None else _validation(trial, space.metric),
        state=trial["state"],
        wall=wording.seconds(trial["wall_s"]),
        speed=wording.count(trial["images_per_s"]),
        error=trial["error"] or "" if trial["state"] == "failed" else "",
    )


def _key(tone: int, shape: int) -> Markup:
    """The trial's mark in the plot, beside its line in the table."""
    drawn = mark(tone, shape, 7, 7)
    return element("svg", drawn, class_="search", width=14, height=14, aria_hidden="true")
