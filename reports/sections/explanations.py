"""Integrated Gradients panels: encoded once each, shown in the gallery and in their cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import Markup

from reports import wording
from reports.figures.attribution import heat, picture
from reports.run import CellKey, Row, Run, cell_key, records

DELTA_LIMIT = 0.05
"""A larger completeness gap means that the integral did not converge: read with care."""

_MOST_MAPS = 360  # on a page; about 6 KB each
_MOST_IN_A_CELL = 6
_MOST_IN_GALLERY = 12


@dataclass(frozen=True)
class Explanation:
    """One image, its map, and what the map is of."""

    image_class: str  # CSS classes that hold the pictures, each embedded once
    map_class: str
    label: str
    predicted: str
    target: str
    right: bool
    probability: str
    baseline: str
    steps: int
    delta: str
    converged: bool


@dataclass(frozen=True)
class Pick:
    """One panel of the gallery and the cell it comes from."""

    backbone: str
    recipe: str
    anchor: str
    panel: Explanation


@dataclass(frozen=True)
class Gallery:
    """A selection: for each backbone, panels of its best cell under the most honest split."""

    policy: str
    picks: list[Pick]


@dataclass
class Atlas:
    """Every panel of the page by cell, and the style rules that hold their pictures."""

    panels: dict[CellKey, list[Explanation]] = field(default_factory=dict)
    left_out: dict[CellKey, int] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    _images: dict[bytes, str] = field(default_factory=dict)

    def of_cell(self, key: CellKey) -> tuple[list[Explanation], int]:
        """The cell's panels, and how many more there are in the table."""
        return self.panels.get(key, []), self.left_out.get(key, 0)

    @property
    def style(self) -> Markup:
        """The rules; they hold nothing but base64, so nothing to escape."""
        return Markup("\n".join(self.rules))

    def add(self, row: Row) -> None:
        """Encode one row of `attributions`."""
        explanation = Explanation(
            image_class=self._image(row["image"]),
            map_class=self._map(row),
            label=row["label"],
            predicted=row["predicted"],
            target=row["target"],
            right=row["label"] == row["predicted"],
            probability=wording.percent(row["probability"]),
            baseline=row["baseline"],
            steps=row["n_steps"],
            delta=wording.decimal(row["delta"]).replace("-", wording.MINUS),
            converged=row["delta"] is not None and abs(row["delta"]) <= DELTA_LIMIT,
        )
        self.panels.setdefault(cell_key(row), []).append(explanation)

    def _image(self, encoded: bytes) -> str:
        if encoded not in self._images:
            name = f"i{len(self._images) + 1}"
            self._images[encoded] = name
            self.rules.append(f".{name}{{--i:url({picture(encoded)})}}")
        return self._images[encoded]

    def _map(self, row: Row) -> str:
        name = f"m{len(self.rules) + 1}"
        self.rules.append(f".{name}{{--m:url({heat(row['map'], row['height'], row['width'])})}}")
        return name


def build_atlas(run: Run) -> Atlas:
    """Encode the maps of all cells, as many a cell as the page can carry."""
    atlas = Atlas()
    groups = run.grouped("attributions")
    share = min(_MOST_IN_A_CELL, max(1, _MOST_MAPS // max(1, len(groups))))
    for row in run.cells:
        if row["key"] in groups:
            found = _in_order(records(groups[row["key"]]))
            for entry in found[:share]:
                atlas.add(entry)
            atlas.left_out[row["key"]] = max(0, len(found) - share)
    return atlas


def build_gallery(run: Run, atlas: Atlas) -> Gallery | None:
    """The best explained cell of each backbone; None without explanations."""
    explained = [row for row in run.done if row["key"] in atlas.panels]
    if not explained:
        return None
    policy = explained[0]["split_policy"]  # cells are sorted, the most honest policy first
    best: dict[str, Row] = {}
    for row in explained:
        leader = best.get(row["backbone"])
        if row["split_policy"] == policy and (
            leader is None or row["accuracy"] > leader["accuracy"]
        ):
            best[row["backbone"]] = row
    each = max(1, min(3, _MOST_IN_GALLERY // len(best)))
    picks = []
    for backbone in (name for name in run.backbones if name in best):
        row = best[backbone]
        words = f"{wording.scenario(row['scenario'])}, {wording.recipe(row)}"
        panels = _one_per_image(atlas.panels[row["key"]])[:each]
        picks += [Pick(backbone, words, row["anchor"], panel) for panel in panels]
    return Gallery(policy, picks)


def _in_order(rows: Iterable[Row]) -> list[Row]:
    """Maps of one image side by side, black baseline first."""
    return sorted(rows, key=lambda row: (row["image_id"], row["target"], row["baseline"]))


def _one_per_image(panels: list[Explanation]) -> list[Explanation]:
    return list({panel.image_class: panel for panel in reversed(panels)}.values())[::-1]
