"""What a filler is, and the run as fillers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from reports.headline import Headline, used_headline
from reports.run import Row, Run, records


@dataclass(frozen=True)
class Fact:
    """A sentence, and the table that its numbers come from."""

    text: str
    table: str


@dataclass(frozen=True)
class Subject:
    """A run, and the scenario and split policy that its sheet is about: those of the model that
    `predict` and `export` use."""

    run: Run

    @cached_property
    def headline(self) -> Headline | None:
        return used_headline(self.run)

    @property
    def best(self) -> Row | None:
        """The cell of that model; None if no cell has a result."""
        return self.headline.best if self.headline else None

    @cached_property
    def policy(self) -> str:
        return self.headline.policy if self.headline else self.run.policies[0]

    @cached_property
    def scenario(self) -> str:
        if self.headline:
            return self.headline.scenario
        return max(self.run.scenarios, key=lambda name: len(self.run.classes(name)))

    @property
    def classes(self) -> list[str]:
        return self.run.classes(self.scenario)

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.info.get("config", {})
        return found

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.info.get("data", {})
        return found

    def table(self, name: str) -> pd.DataFrame:
        return self.run.tables[name]

    def of_best(self, name: str) -> pd.DataFrame:
        """The rows of a table that belong to the best cell; none without one."""
        frame = self.table(name)
        if self.best is None:
            return frame.iloc[:0]
        found = self.run.grouped(name).get(self.best["key"])
        return frame.iloc[:0] if found is None else found

    def of_subject(self, name: str) -> list[Row]:
        """The rows of a table with this split policy and scenario."""
        frame = self.table(name)
        own = (frame["split_policy"] == self.policy) & (frame["scenario"] == self.scenario)
        return records(frame[own])

    @cached_property
    def used_images(self) -> pd.DataFrame:
        """The usable images of the scenario's classes."""
        images = self.table("images")
        images = images[images["problem"] == ""]
        return images[images["class"].isin(self.classes)] if self.classes else images


Filler = Callable[[Subject], list[Fact]]

FILLERS: dict[str, Filler] = {}
"""By name."""


def fills(filler: Filler) -> Filler:
    """Register a filler under its function's name."""
    FILLERS[filler.__name__] = filler
    return filler
