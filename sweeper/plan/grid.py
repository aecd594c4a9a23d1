"""The grid: every cell of a run, a point with an entry on each axis (`reports.axes`)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.axes import AXES, NO_AUGMENTATION, TRAININGS, cell_name
from sweeper.config.axes import entries_of
from sweeper.config.schema import Config
from sweeper.strategies import STRATEGIES

_NAMES = tuple(axis.name for axis in AXES)


@dataclass(frozen=True, order=True)
class Cell:
    """One point of the grid: `cell.backbone`, `cell.seed`, ..., an attribute for each axis."""

    point: tuple[Any, ...]  # in the order of AXES

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> Cell:
        """The cell of a row that has a column for each axis."""
        return cls(tuple(entries[name] for name in _NAMES))

    def __getattr__(self, name: str) -> Any:
        if name not in _NAMES:
            raise AttributeError(name)
        return self.point[_NAMES.index(name)]

    @property
    def entries(self) -> dict[str, Any]:
        """Axis -> entry."""
        return dict(zip(_NAMES, self.point, strict=True))

    def at(self, **entries: Any) -> Cell:
        """A copy of the cell with these entries replaced."""
        return Cell.of({**self.entries, **entries})

    @property
    def id(self) -> str:
        """A readable name."""
        return cell_name(self.entries)

    @property
    def augmented(self) -> bool:
        return bool(self.augmentation != NO_AUGMENTATION)

    @property
    def configuration(self) -> Cell:
        """The same cell for every training: without its entries on these axes."""
        return self.at(**dict.fromkeys(TRAININGS))

    def columns(self, weights: Mapping[str, str]) -> dict[str, object]:
        """The cell's columns of the tables; `weights` maps a backbone to its label."""
        return {**self.entries, "weights": weights[self.backbone], "augmented": self.augmented}


def build_grid(config: Config) -> list[Cell]:
    """Every combination of the axes' entries, the first axis outermost, in the order given. A
    strategy that no recipe applies to has its cells under the first recipe only."""
    entries = [entries_of(config, axis.key) for axis in AXES]
    cells = [Cell(point) for point in itertools.product(*entries)]
    first = config.grid.recipes[0]
    return [one for one in cells if STRATEGIES[one.strategy].by_epochs or one.recipe == first]
