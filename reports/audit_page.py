"""An audit's tables -> `audit.html`: one file that needs no network and no scripts.

`build_audit_page(Path("runs/audit-bones"))` reads `results/` there. A picture is embedded once,
however often it is shown; a turned copy is turned back by the style sheet.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.audit_labels import NEIGHBOURS_SHOWN, first_labels
from reports.audit_pairs import MOST_PAIRS_OF_A_GROUP, Group, Pair, ordered_groups
from reports.page import environment, verbatim
from reports.run import Row, records
from reports.tables import AUDIT_SCHEMAS, read_tables

_MOST_EXCLUDED = 200
_MOST_CLASSES = 200
_ORIENTATIONS = {
    "flip_horizontal": "flipped left to right",
    "flip_vertical": "flipped top to bottom",
    "rotate_90": "rotated left",
    "rotate_180": "upside down",
    "rotate_270": "rotated right",
    "transpose": "flipped and rotated",
    "transverse": "flipped and rotated",
}


@dataclass(frozen=True)
class Shown:
    """A picture and its file; `css` holds the picture.

    `name` is the path below the folders of `layer` and `class_name`.
    """

    css: str
    path: str
    name: str
    class_name: str
    layer: str


@dataclass(frozen=True)
class ShownPair:
    """Two pictures; `undo` is the style that lays the second one onto the first, if any."""

    a: Shown
    b: Shown
    kind: str
    score: str
    how: str
    undo: str
    crosses: list[str]


@dataclass(frozen=True)
class ShownGroup:
    title: str
    crosses: list[str]
    pairs: list[ShownPair]
    more: int


@dataclass(frozen=True)
class ShownLabel:
    picture: Shown
    suggested: str
    doubtful: bool
    agreeing: int
    asked: int
    neighbours: list[Shown]


class _Album:
    """The available pictures, each a style rule of its own."""

    def __init__(self, pictures: pd.DataFrame, images: pd.DataFrame) -> None:
        self._images = {row["image_id"]: row for row in records(images)}
        self._css: dict[str, str] = {}
        self.rules: list[str] = []
        for position, row in enumerate(records(pictures), start=1):
            text = base64.b64encode(row["image"]).decode("ascii")
            self._css[row["image_id"]] = f"p{position}"
            self.rules.append(f".p{position}{{--i:url(data:image/webp;base64,{text})}}")

    def has(self, *image_ids: str) -> bool:
        return all(image_id in self._css for image_id in image_ids)

    def show(self, image_id: str) -> Shown:
        row = self._images[image_id]
        folders = 2 if row["origin"] else 1
        name = row["path"].split("/", folders)[-1]
        return Shown(self._css[image_id], row["path"], name, row["class"], row["origin"])

    @property
    def style(self) -> Markup:
        """The rules; they hold nothing but base64, so nothing to escape."""
        return Markup("\n".join(self.rules))


def build_audit_page(out: Path) -> Path:
    """Write `out/audit.html` from `out/results` and return its path."""
    about = json.loads((out / "results" / "audit.json").read_text(encoding="utf-8"))
    page = render_audit(about, read_tables(out / "results", AUDIT_SCHEMAS))
    path = out / "audit.html"
    beside = path.with_suffix(".html.part")
    beside.write_text(page, encoding="utf-8", newline="\n")
    beside.replace(path)
    return path


def render_audit(about: dict[str, Any], tables: dict[str, pd.DataFrame]) -> str:
    """The whole page as text."""
    images = tables["images"]
    album = _Album(tables["pictures"], images)
    groups = ordered_groups(images[images["problem"] == ""], tables["duplicates"])
    shown = [one for one in (_group(group, album) for group in groups) if one.pairs]
    excluded = sorted(
        records(images.loc[images["problem"] != "", ["path", "class", "problem"]]),
        key=lambda row: row["path"],
    )
    return (
        environment()
        .get_template("audit.html.j2")
        .render(
            about=about,
            facts=_facts(about),
            groups=shown,
            pairs_shown=sum(len(group.pairs) for group in shown),
            pairs_in_all=sum(len(group.pairs) for group in groups),
            groups_in_all=len(groups),
            labels=_labels(tables["labels"], images, album),
            classes=about["classes"][:_MOST_CLASSES],
            classes_more=max(0, len(about["classes"]) - _MOST_CLASSES),
            excluded=excluded[:_MOST_EXCLUDED],
            excluded_more=max(0, len(excluded) - _MOST_EXCLUDED),
            words=wording,
            style=verbatim("style.css"),
            audit_style=verbatim("audit.css"),
            pictures=album.style,
        )
    )


def _facts(about: Row) -> list[str]:
    groups, pairs, size = about["groups"], about["pairs"], about["size"]
    facts = [
        f"{wording.plural(about['images'], 'image')} in "
        f"{wording.plural(len(about['classes']), 'class')}",
        f"{wording.count(about['excluded'])} excluded",
        *(f"left out: {text}" for text in about["left_out"]),
        ", ".join(f"{wording.count(pairs[kind])} {kind}" for kind in pairs) + " pairs",
        f"{wording.count(about['cross_layer'])} pairs across layers" if about["layers"] else "",
        f"{wording.count(about['cross_class'])} pairs across classes",
        f"{wording.plural(groups['number'], 'group')}, the largest of "
        f"{wording.plural(groups['largest'], 'image')}",
        f"{wording.plural(size['sizes'], 'picture size')}",
    ]
    return [fact for fact in facts if fact]


def _group(group: Group, album: _Album) -> ShownGroup:
    first = group.pairs[:MOST_PAIRS_OF_A_GROUP]
    shown = [
        _pair(pair, album) for pair in first if album.has(pair.a["image_id"], pair.b["image_id"])
    ]
    crosses = _crosses(group)
    title = f"{wording.plural(group.images, 'image')}, {wording.plural(len(group.pairs), 'pair')}"
    return ShownGroup(title, crosses, shown, len(group.pairs) - len(shown))


def _pair(pair: Pair, album: _Album) -> ShownPair:
    orientation, _, rest = pair.transform.partition(", ")
    turned = orientation in _ORIENTATIONS
    how = [_ORIENTATIONS[orientation]] if turned else []
    return ShownPair(
        a=album.show(pair.a["image_id"]),
        b=album.show(pair.b["image_id"]),
        kind=pair.kind,
        score=wording.decimal(pair.score, 2),
        how=", ".join([*how, *([rest] if rest else [])]),
        undo=f"undo-{orientation}" if turned else "",
        crosses=_crosses(pair),
    )


def _crosses(one: Group | Pair) -> list[str]:
    words = ("two classes", one.crosses_classes), ("two layers", one.crosses_layers)
    return [text for text, true in words if true]


def _labels(labels: pd.DataFrame, images: pd.DataFrame, album: _Album) -> list[ShownLabel]:
    class_of = images.set_index("image_id")["class"].to_dict()
    shown = []
    for row in first_labels(labels):
        near = list(row["neighbours"])
        if album.has(row["image_id"], *near[:NEIGHBOURS_SHOWN]):
            shown.append(
                ShownLabel(
                    picture=album.show(row["image_id"]),
                    suggested=row["suggested"],
                    doubtful=row["doubtful"],
                    agreeing=sum(class_of[one] == row["suggested"] for one in near),
                    asked=len(near),
                    neighbours=[album.show(one) for one in near[:NEIGHBOURS_SHOWN]],
                )
            )
    return shown
