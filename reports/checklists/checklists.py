"""A checklist: its items, what the run answers of each, and what only people know."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Item:
    """One item.

    Args:
        number: of the publication, as `12` or `12a`.
        ask: what it asks for, in our words.
        fill: names of the fillers that answer it.
        blank: what the author has to write; empty where the run answers all of it.
    """

    number: str
    section: str
    ask: str
    fill: tuple[str, ...] = ()
    blank: str = ""


@dataclass(frozen=True)
class Checklist:
    """A published checklist with its source."""

    name: str
    title: str
    about: str
    reference: str
    doi: str
    items: tuple[Item, ...]

    @property
    def sections(self) -> list[str]:
        return list(dict.fromkeys(item.section for item in self.items))


def names() -> list[str]:
    """The checklists that exist."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def checklist(name: str) -> Checklist:
    """The checklist of that name, one of `names()`."""
    about = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    items = tuple(
        Item(**{**row, "number": str(row["number"]), "fill": tuple(row.get("fill", ()))})
        for row in about.pop("items")
    )
    return Checklist(name=name, items=items, **about)
