"""Integrated Gradients panels and the pictures of mistakes: each encoded once, and shown wherever
the page needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Explanation:
    """One image, its map, and what the map is of."""

    image_class: str  # CSS classes that hold the pictures, each embedded once
    map_class: str
    label: str
    predicted: str
    target: str
    right: bool
    chosen: str
    probability: str
    baseline: str
    steps: int


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
    """The pointing game of one baseline's maps of the predicted class; all numbers in percent."""

    baseline: str
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
    failed: int  # of these, that did not converge
    untried: int  # of these, for which there was no time
    pointing: list[Pointing]
    classes: list[ClassExamples]


@dataclass
class Atlas:
    """The panels of the page by cell, and the style rules that hold its pictures."""

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

    def add(self, row: Row) -> None:
        """Encode one row of `attributions`, unless it is there or the page can carry no more."""
        if self._bytes < _MOST_BYTES and _identity(row) not in self._drawn:
            self._drawn[_identity(row)] = self._explanation(row)

    def panel(self, row: Row) -> Explanation | None:
        """The panel of one row of `attributions`, if the page has it."""
        return self._drawn.get(_identity(row))

    def put_in_order(self, key: CellKey, rows: Sequence[Row]) -> None:
        """File the panels of a cell, whose `rows` are in order."""
        found = [panel for row in rows if (panel := self.panel(row))]
        self.panels[key], self.left_out[key] = found, len(rows) - len(found)

    def _explanation(self, row: Row) -> Explanation:
        return Explanation(
            image_class=self._image(row["image"]),
            map_class=self._rule("m", heat(row["map"], row["height"], row["width"])),
            label=row["label"],
            predicted=row["predicted"],
            target=row["target"],
            right=row["label"] == row["predicted"],
            chosen=row["chosen"],
            probability=wording.percent(row["probability"]),
            baseline=row["baseline"],
            steps=row["n_steps"],
        )

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
    return (*cell_key(row), row["image_id"], row["image"], row["target"], row["baseline"])


def atlas_of(run: Run) -> Atlas:
    """Embed the pictures of mistakes, then as many maps as the page can carry: first what the
    gallery shows, then those of all cells in turn."""
    atlas = Atlas()
    for row in records(run.tables["pictures"].sort_values("image_id")):
        atlas.add_picture(row)
    explained = _explained(run)
    leading = [_one_per_image(explained[row["key"]]) for row in _leading(run, explained)]
    baselines = list(dict.fromkeys(run.tables["attributions"]["baseline"]))  # the first one first
    everything = [_baselines_last(rows, baselines) for rows in explained.values()]
    for row in chain(_in_turn(leading), _in_turn(everything)):
        atlas.add(row)
    for key, rows in explained.items():
        atlas.put_in_order(key, rows)
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
        found = [atlas.panel(one) for one in _one_per_image(explained[row["key"]])]
        panels = [panel for panel in found if panel]
        for name in dict.fromkeys(panel.label for panel in panels):
            classes.setdefault(name, _examples(row, name, panels))
    unshown = maps[~maps["converged"].astype(bool)]
    untried = int((unshown["n_steps"] == 0).sum())
    return Gallery(
        policy=leading[0]["split_policy"] if leading else str(maps["split_policy"].iloc[0]),
        score=_score(run),
        maps=len(maps),
        failed=len(unshown) - untried,
        untried=untried,
        pointing=list(_pointing(maps)),
        classes=list(classes.values())[:_MOST_CLASSES],
    )


def _pointing(maps: pd.DataFrame) -> Iterator[Pointing]:
    """One map of an image counts, of the first cell that explains it: maps of one image resemble
    each other."""
    is_known = maps["hit"].notna() & maps["hit_by_others"].notna()
    known = maps[is_known & (maps["target"] == maps["predicted"])]
    for baseline, rows in known.drop_duplicates(["image_id", "baseline"]).groupby("baseline"):
        hits, images = int(rows["hit"].astype(bool).sum()), len(rows)
        interval, by_others = wilson(hits, images), float(rows["hit_by_others"].mean())
        low, high = wording.percent(interval.low), wording.percent(interval.high)
        yield Pointing(
            baseline=str(baseline),
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
            found.append(max(own, key=lambda row: len(_one_per_image(explained[row["key"]]))))
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


def _baselines_last(rows: Sequence[Row], baselines: Sequence[str]) -> list[Row]:
    """One map of every image before a second of any."""
    return sorted(rows, key=lambda row: baselines.index(row["baseline"]))


def _one_per_image(rows: Sequence[Row]) -> list[Row]:
    """The first baseline's map of each class of each image; `rows` in order."""
    found = {(row["image_id"], row["image"], row["target"]): row for row in reversed(rows)}
    return list(found.values())[::-1]


def _in_turn(groups: Sequence[Sequence[Row]]) -> Iterator[Row]:
    """The first of each group, then the second of each, and so on."""
    turns = zip_longest(*groups)
    return (row for turn in turns for row in turn if row is not None)


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
