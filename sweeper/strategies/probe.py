"""What the probes have in common: they fit once on the pooled features, and search by themselves.

They are the cheap baselines that tell whether the head or the backbone makes a difference. A cell
has one trial, which tries a small grid on the validation rows and keeps every candidate in its
record; hyperparameters, epochs and seeds have no effect on it and are not in its key.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweeper.strategies.frozen import FrozenBackbone
from trainables.versions import PROBES_VERSION

if TYPE_CHECKING:
    from torch import nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.criterion import Criterion
    from trainables.loop import Epoch, Fit
    from trainables.probes import Features, Searched
    from trainables.rows import IndexedRows, Rows


class Probe(FrozenBackbone):
    """A strategy that fits a head in closed form or to convergence."""

    work = "probe"
    by_epochs = False

    @abstractmethod
    def build(self, features: int, classes: int) -> nn.Module:
        """The head before it is fitted, features (B, C) -> logits (B, classes)."""

    @abstractmethod
    def search(
        self, train: Features, val: Features, classes: int, criterion: Criterion
    ) -> Searched:
        """Fit the head with every candidate setting, and choose one on the validation rows."""

    def limits(self, config: Config) -> tuple[int, int]:
        return 1, 1

    def keyed(self, spec: TrialSpec) -> dict[str, Any]:
        """The table's key contains the backbone and the pooling."""
        return {"probe": PROBES_VERSION}

    def module(self, parts: TrialParts) -> nn.Module:
        from collections import OrderedDict

        from torch import nn

        return nn.Sequential(OrderedDict(head=self.build(parts.feature_dim, parts.spec.classes)))

    def fit(
        self,
        parts: TrialParts,
        network: nn.Module,
        rows: Rows,
        validation: IndexedRows,
        on_epoch: Callable[[list[Epoch]], None],
        criterion: Criterion,
    ) -> Fit:
        from trainables.probes import fit_probe
        from trainables.rows import IndexedRows

        assert isinstance(rows, IndexedRows)  # `contradictions` refuses online augmentation

        def search(train: Features, val: Features) -> Searched:
            return self.search(train, val, parts.spec.classes, criterion)

        return fit_probe(search, rows, validation, prefix="head.")
