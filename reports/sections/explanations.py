"""Panels of attribution maps and the pictures of mistakes: each encoded once, and shown wherever
the page needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.attribution import embedded, heat, picture
from reports.headline import headline
from reports.run import CellKey, Row, Run, cell_key, records
from reports.sections.section import Section, Shown
from reports.statistics import wilson

_MOST_BYTES = 1_200_000  # of images and maps on a page, as base64
_MOST_CLASSES = 50

View = list[Row]
"""The rows of `attributions` in one panel: the map that is shown large, then other methods'."""


@dataclass(frozen=True)
class Voice:
    """The map of another method."""

    title: str
    map_class: str


@dataclass(frozen=True)
class Explanation:
    """One image, its map, what the map is of, and the maps of the same by other methods."""

    image_class: str  # CSS classes that hold the pictures, each embedded once
    map_class: str
    label: str
    predicted: str
    target: str
    right: bool
    chosen: str
    probability: str
    method: str
    source: str  # of the map: baseline and steps, or ""
    voices: list[Voice]


@dataclass(frozen=True)
class ClassExamples:
    """One class of the gallery: the cell that is shown, and what it got right and wrong."""

    name: str
    backbone: str
    recipe: str
    anchor: str
    right: list[Explanation]
    wrong: list[Explanation]


@dataclass(frozen=True)
class Pointing:
    """The pointing game of one kind of maps of the predicted class; all numbers in percent."""

    kind: str  # method and baseline
    images: int
    hits: int
    rate: str
    interval: str
    by_others: str  # of other images' maps
    is_above_others: bool


@dataclass(frozen=True)
class Gallery:
    """For each class, examples of the best explained cell under the most trustworthy split."""

    policy: str
    score: str  # what is explained, in words
    maps: int  # that were asked for
    methods: str  # of the maps, in words
    failed: int  # of these, that did not converge
    untried: int  # of these, for which there was no time
    pointing: list[Pointing]
    classes: list[ClassExamples]


@dataclass
class Atlas:
    """The panels of the page by cell, and the style rules that hold its pictures."""

    title_of: Callable[[str], str] = str  # of a method
    panels: dict[CellKey, list[Explanation]] = field(default_factory=dict)
    left_out: dict[CellKey, int] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)  # CSS class of a mistake by image_id
    rules: list[str] = field(default_factory=list)
    _drawn: dict[tuple[Any, ...], Explanation] = field(default_factory=dict)
    _images: dict[bytes, str] = field(default_factory=dict)
    _bytes: int = 0

    def of_cell(self, key: CellKey) -> tuple[list[Explanation], int]:
        """The cell's panels, and how many more there are in the table."""
        return self.panels.get(key, []), self.left_out.get(key, 0)

    @property
    def style(self) -> Markup:
        """The rules; they hold nothing but base64, so nothing to escape."""
        return Markup("\n".join(self.rules))

    def add_picture(self, row: Row) -> None:
        """Embed one row of `pictures` as it is."""
        name = f"x{len(self.pictures) + 1}"
        self.pictures[row["image_id"]] = name
        self.rules.append(f".{name}{{--i:url({embedded(row['image'])})}}")

    def add(self, view: View) -> None:
        """Encode one panel, unless it is there or the page can carry no more."""
        identity = _identity(view[0])
        if self._bytes < _MOST_BYTES and identity not in self._drawn:
            self._drawn[identity] = self._explanation(view)

    def panel(self, view: View) -> Explanation | None:
        """The panel of a view, if the page has it."""
        return self._drawn.get(_identity(view[0]))

    def put_in_order(self, key: CellKey, views: Sequence[View]) -> None:
        """File the panels of a cell, whose `views` are in order."""
        found = [(view, self.panel(view)) for view in views]
        self.panels[key] = [panel for _, panel in found if panel]
        self.left_out[key] = sum(len(view) for view, panel in found if not panel)

    def _explanation(self, view: View) -> Explanation:
        row, *others = view
        return Explanation(
            image_class=self._image(row["image"]),
            map_class=self._heat(row),
            label=row["label"],
            predicted=row["predicted"],
            target=row["target"],
            right=row["label"] == row["predicted"],
            chosen=row["chosen"],
            probability=wording.percent(row["probability"]),
            method=self.title_of(row["method"]),
            source=_source(row),
            voices=[Voice(self.title_of(one["method"]), self._heat(one)) for one in others],
        )

    def _heat(self, row: Row) -> str:
        return self._rule("m", heat(row["map"], row["height"], row["width"]))

    def _image(self, encoded: bytes) -> str:
        if encoded not in self._images:
            self._images[encoded] = self._rule("i", picture(encoded))
        return self._images[encoded]

    def _rule(self, variable: str, uri: str) -> str:
        name = f"{variable}{len(self.rules) + 1}"
        self.rules.append(f".{name}{{--{variable}:url({uri})}}")
        self._bytes += len(uri)
        return name


def _identity(row: Row) -> tuple[Any, ...]:
    """An image may have several copies: they differ in their pixels."""
    names = ("image_id", "image", "target", "method", "baseline")
    return (*cell_key(row), *(row[name] for name in names))


def _source(row: Row) -> str:
    baseline = f"{row['baseline']} baseline, " if row["baseline"] else ""
    return f"{baseline}{row['n_steps']} steps" if row["change"] is not None else ""


def atlas_of(run: Run) -> Atlas:
    """Embed the pictures of mistakes, then as many maps as the page can carry: first what the
    gallery shows, then those of all cells in turn."""
    atlas = Atlas(run.method_title)
    for row in records(run.tables["pictures"].sort_values("image_id")):
        atlas.add_picture(row)
    explained = _explained(run)
    first = {key: _first_views(rows) for key, rows in explained.items()}
    leading = [first[row["key"]] for row in _leading(run, explained)]
    every = {key: first[key] + _further_views(rows) for key, rows in explained.items()}
    for view in chain(_in_turn(leading), _in_turn(list(every.values()))):
        atlas.add(view)
    for key, views in every.items():
        atlas.put_in_order(key, views)
    return atlas


def gallery_of(run: Run, atlas: Atlas) -> Gallery | None:
    """Each class by the first leading cell that explains it; None without explanations."""
    maps = run.tables["attributions"]
    if maps.empty:
        return None
    explained = _explained(run)
    leading = _leading(run, explained)
    classes: dict[str, ClassExamples] = {}
    for row in sorted(leading, key=lambda one: -len(run.classes(one["scenario"]))):
        found = [atlas.panel(one) for one in _first_views(explained[row["key"]])]
        panels = [panel for panel in found if panel]
        for name in dict.fromkeys(panel.label for panel in panels):
            classes.setdefault(name, _examples(row, name, panels))
    unshown = maps[~maps["converged"].astype(bool)]
    untried = int((unshown["n_steps"] == 0).sum())
    return Gallery(
        policy=leading[0]["split_policy"] if leading else str(maps["split_policy"].iloc[0]),
        score=_score(run),
        maps=len(maps),
        methods=wording.listed(map(run.method_title, dict.fromkeys(maps["method"]))),
        failed=len(unshown) - untried,
        untried=untried,
        pointing=list(_pointing(run, maps)),
        classes=list(classes.values())[:_MOST_CLASSES],
    )


def _pointing(run: Run, maps: pd.DataFrame) -> Iterator[Pointing]:
    """One map of an image counts, of the first cell that explains it: maps of one image resemble
    each other."""
    is_known = maps["hit"].notna() & maps["hit_by_others"].notna()
    known = maps[is_known & (maps["target"] == maps["predicted"])]
    kinds = ["method", "baseline"]
    for kind, rows in known.drop_duplicates(["image_id", *kinds]).groupby(kinds, sort=False):
        method, baseline = kind
        hits, images = int(rows["hit"].astype(bool).sum()), len(rows)
        interval, by_others = wilson(hits, images), float(rows["hit_by_others"].mean())
        low, high = wording.percent(interval.low), wording.percent(interval.high)
        yield Pointing(
            kind=run.method_title(str(method)) + (f", {baseline} baseline" if baseline else ""),
            images=images,
            hits=hits,
            rate=wording.percent(hits / images),
            interval=f"{low} to {high}",
            by_others=wording.percent(by_others),
            is_above_others=interval.low > by_others,
        )


def _score(run: Run) -> str:
    config = run.info.get("config") or {}
    return str(config.get("explain", {}).get("score", "score")).replace("_", " ")


def _explained(run: Run) -> dict[CellKey, list[Row]]:
    """The maps that converged of each cell that has some: by class, mistakes first, those of an
    image together."""
    groups = run.grouped("attributions")
    found = {}
    for cell in run.cells:
        if cell["key"] in groups:
            rows = [row for row in records(groups[cell["key"]]) if row["converged"]]
            found[cell["key"]] = sorted(rows, key=_order)
    return {key: rows for key, rows in found.items() if rows}


def _leading(run: Run, explained: Mapping[CellKey, list[Row]]) -> list[Row]:
    """Under the most trustworthy policy that is explained, each scenario's headline; where that
    has no maps, the cell with the most images explained."""
    cells = [row for row in run.done if row["key"] in explained]
    policy = cells[0]["split_policy"] if cells else ""  # they are sorted
    found = []
    for scenario in run.scenarios:
        own = [row for row in cells if (row["split_policy"], row["scenario"]) == (policy, scenario)]
        chosen = headline(run, policy, scenario)
        if chosen and chosen.best["key"] in explained:
            found.append(chosen.best)
        elif own:
            found.append(max(own, key=lambda row: len(_first_views(explained[row["key"]]))))
    return found


def _examples(row: Row, name: str, panels: Sequence[Explanation]) -> ClassExamples:
    own = [panel for panel in panels if panel.label == name]
    return ClassExamples(
        name=name,
        backbone=row["backbone"],
        recipe=f"{wording.scenario(row['scenario'])}, {wording.recipe(row)}",
        anchor=row["anchor"],
        right=[panel for panel in own if panel.right],
        wrong=[panel for panel in own if not panel.right],
    )


def _order(row: Row) -> tuple[Any, ...]:
    right = row["label"] == row["predicted"]
    is_true_class = row["target"] != row["predicted"]
    return (row["label"], right, row["image_id"], is_true_class)


def _first_views(rows: Sequence[Row]) -> list[View]:
    """A panel for each class of each image: the first method, and what the others say of it, each
    with its first baseline. `rows` in order."""
    return [list(_first_of_methods(own).values()) for own in _by_image(rows)]


def _further_views(rows: Sequence[Row]) -> list[View]:
    """A panel for each map with a further baseline."""
    found = []
    for own in _by_image(rows):
        first = _first_of_methods(own)
        found += [[row] for row in own if row is not first[row["method"]]]
    return found


def _by_image(rows: Sequence[Row]) -> list[list[Row]]:
    """Together what is of one class of one image."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault((row["image_id"], row["image"], row["target"]), []).append(row)
    return list(found.values())


def _first_of_methods(rows: Sequence[Row]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row["method"], row)
    return found


def _in_turn(groups: Sequence[Sequence[View]]) -> Iterator[View]:
    """The first of each group, then the second of each, and so on."""
    turns = zip_longest(*groups)
    return (view for turn in turns for view in turn if view is not None)


def _shown(shown: Shown) -> Gallery | None:
    return gallery_of(shown.in_full, shown.atlas)


SECTION = Section(
    "explanations",
    "Explanations",
    "explanations.html.j2",
    _shown,
    "A map shows what the network used, not what is medically relevant. Look for markers, borders "
    "and text under the red pixels.",
    by_cells=True,
)
