"""Checks of the attribution maps: whether they depend on the weights, and follow the score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports import wording
from reports.derived.map_verdicts import (
    DEPENDS,
    IN_PART,
    INDEPENDENT,
    LEAST,
    RETAINED,
    TOO_FEW,
    UNDECIDED,
    WHOLE_NETWORK,
)
from reports.headline import headline
from reports.run import CellKey, Row, Run, cell_key, records
from reports.sections.section import of_run

_STAGES = ("head", "last quarter", "last half", "last three quarters", WHOLE_NETWORK)
_MOST = 6  # champions, where none is a headline
_FAITHFUL = {
    "deletion": "deletion area (small is good)",
    "insertion": "insertion area (large is good)",
    "infidelity": "infidelity (small is good)",
}
_AGREEMENTS = {"methods": "with", "baselines": "between baselines: with", "seeds": "with seed"}
_SENTENCES = {
    DEPENDS: "these maps depend on the trained weights",
    IN_PART: "these maps depend on the trained weights only in part",
    INDEPENDENT: "these maps do not depend on the trained weights",
    UNDECIDED: "these images do not decide whether the maps depend on the trained weights",
}


@dataclass(frozen=True)
class Shuffled:
    """What is left of one method's maps when weights are shuffled."""

    method: str
    stages: list[str]  # similarity at each stage, "" where there was no time for it
    two_images: str
    images: int


@dataclass(frozen=True)
class Followed:
    """One measure of one method's maps, and of maps that know nothing of the network."""

    method: str
    measure: str
    value: str
    random: str
    edges: str
    images: int


@dataclass(frozen=True)
class Agreement:
    """How alike maps are, against maps of two different images."""

    method: str
    other: str
    value: str
    two_images: str
    images: int


@dataclass(frozen=True)
class Checked:
    """The checks of one champion's maps."""

    name: str
    anchor: str
    sentences: list[str]
    shuffled: list[Shuffled]
    followed: list[Followed]
    agreements: list[Agreement]
    sensitivities: list[str]


def map_checks_of(run: Run) -> list[Checked] | None:
    """The champions of the table `map_verdicts`, where each scenario's headline is among them only
    those; None without any."""
    of_cell: dict[CellKey, list[Row]] = {}
    for row in records(run.tables["map_verdicts"]):
        of_cell.setdefault(cell_key(row), []).append(row)
    cells = [cell for cell in run.cells if cell["key"] in of_cell]
    cells = [cell for cell in cells if cell["key"] in _headlines(run)] or cells[:_MOST]
    return [_checked(run, cell, of_cell[cell["key"]]) for cell in cells] or None


def _headlines(run: Run) -> set[CellKey]:
    policy = run.done[0]["split_policy"] if run.done else ""  # the most trustworthy one
    found = (headline(run, policy, scenario) for scenario in run.scenarios)
    return {one.best["key"] for one in found if one}


def _checked(run: Run, cell: Row, rows: Sequence[Row]) -> Checked:
    methods = list(dict.fromkeys(str(row["method"]) for row in rows))
    found = {(row["method"], row["check"], row["against"]): row for row in rows}
    return Checked(
        name=f"{cell['backbone']}, {wording.recipe(cell)}, split {cell['split_policy']}, "
        f"{wording.scenario(cell['scenario'])}",
        anchor=cell["anchor"],
        sentences=[
            sentence
            for method in methods
            if (row := found.get((method, "randomisation", _STAGES[-1])))
            for sentence in _sentence(run.method_title(method), row)
        ],
        shuffled=[
            one for method in methods for one in _shuffled(run.method_title(method), method, found)
        ],
        followed=[
            one for method in methods for one in _followed(run.method_title(method), method, found)
        ],
        agreements=list(_agreements(run, rows)),
        sensitivities=[
            f"{run.method_title(row['method'])} {row['value']:.2f} "
            f"({wording.plural(row['images'], 'image')})"
            for row in rows
            if row["check"] == "max_sensitivity"
        ],
    )


def _sentence(title: str, row: Row) -> Iterator[str]:
    """What randomisation says of the maps of one method."""
    images = wording.plural(row["images"], "image")
    if row["conclusion"] == TOO_FEW:
        yield (
            f"{title}: not enough images to tell whether these maps depend on the trained weights "
            f"({images} in {wording.plural(row['units'], 'group')}; at least {LEAST} groups)."
        )
        return
    yield (
        f"{title}: {_SENTENCES[row['conclusion']]}. With all weights shuffled, the similarity to "
        f"the map of the trained network is {_number(row['value'])}, that of maps of two different "
        f"images {_number(row['reference'])} (difference {_range(row)}; {images})."
    )


def _shuffled(
    title: str, method: str, found: Mapping[tuple[str, str, str], Row]
) -> Iterator[Shuffled]:
    stages = [found.get((method, "randomisation", stage)) for stage in _STAGES]
    if last := stages[-1]:
        values = [_number(row["value"]) if row else "" for row in stages]
        least = min(row["images"] for row in stages if row)
        yield Shuffled(title, values, _number(last["reference"]), least)


def _followed(
    title: str, method: str, found: Mapping[tuple[str, str, str], Row]
) -> Iterator[Followed]:
    for check, measure in _FAITHFUL.items():
        random, edges = (found.get((method, check, name)) for name in ("random", "edges"))
        if random and edges:
            by_random, by_edges = (
                f"{_number(row['reference'])} {_conclusion(row)}" for row in (random, edges)
            )
            value = _number(random["value"])
            yield Followed(title, measure, value, by_random, by_edges, random["images"])


def _agreements(run: Run, rows: Sequence[Row]) -> Iterator[Agreement]:
    for row in rows:
        if row["check"] in _AGREEMENTS:
            against = row["against"]
            other = run.method_title(against) if row["check"] == "methods" else against
            yield Agreement(
                run.method_title(row["method"]),
                f"{_AGREEMENTS[row['check']]} {other}",
                f"{_number(row['value'])} {_conclusion(row)}",
                _number(row["reference"]),
                row["images"],
            )


def _conclusion(row: Row) -> str:
    interval = "" if row["conclusion"] == TOO_FEW else f"{_range(row)}; "
    return f"({interval}{row['conclusion']})"


def _range(row: Row) -> str:
    return f"{_number(row['low'])} to {_number(row['high'])}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".replace("-", wording.MINUS)


SECTION = of_run(
    "map-checks",
    "Do the maps hold?",
    "map_checks.html.j2",
    map_checks_of,
    "Maps that stay alike when all weights are shuffled show the image and not the network: do not "
    "read them as its reasons. Shuffled weights may leave at most "
    f"{round(100 * RETAINED)} % of the similarity beyond that of two images' maps.",
)
