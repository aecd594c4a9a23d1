"""The grid: every cell of a run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, order=True)
class Cell:
    """One point of the grid."""

    split_policy: str
    backbone: str
    scenario: str
    augmented: bool
    strategy: str  # "transfer" or "finetune"
    seed: int  # of the training; the division of the images does not depend on it
    repeat: int = 1  # 1..r: another drawing of the split
    fold: int = 0  # 1..k under cross-validation, 0 without

    @property
    def id(self) -> str:
        """A readable name."""
        augmented = "augmented" if self.augmented else "plain"
        repeat = f"/repeat{self.repeat}" if self.repeat > 1 else ""
        fold = f"/fold{self.fold}" if self.fold else ""
        return (
            f"{self.split_policy}/{self.backbone}/{self.scenario}/{augmented}/"
            f"{self.strategy}/seed{self.seed}{repeat}{fold}"
        )

    @property
    def configuration(self) -> Cell:
        """The same cell for every seed, repeat and fold."""
        return replace(self, seed=0, repeat=1, fold=0)

    def columns(self, weights: Mapping[str, str]) -> dict[str, object]:
        """The cell's columns of the tables; `weights` maps a backbone to its label."""
        fields = asdict(self)
        return {
            "split_policy": fields.pop("split_policy"),
            "backbone": fields.pop("backbone"),
            "weights": weights[self.backbone],
            **fields,
        }


def build_grid(
    policies: Sequence[str],
    backbones: Sequence[str],
    scenarios: Sequence[str],
    augmented: Sequence[bool],
    strategies: Sequence[str],
    seeds: Sequence[int],
    repeats: int = 1,
    folds: int = 0,
) -> list[Cell]:
    """Every combination, policies outermost, in the order given; `folds` 0: none."""
    divisions = range(1, repeats + 1), range(1, folds + 1) if folds else [0]
    factors = (policies, backbones, scenarios, augmented, strategies, seeds, *divisions)
    return [Cell(*point) for point in itertools.product(*factors)]
