"""Transfer learning: the backbone is frozen, and a head is trained on its pooled features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweeper.strategies.by_epochs import ByEpochs
from sweeper.strategies.frozen import FrozenBackbone

if TYPE_CHECKING:
    from torch import nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts


class Transfer(FrozenBackbone, ByEpochs):
    name = "transfer"
    work = "head"
    seconds_beside_training = (0.05, 0.6)

    def limits(self, config: Config) -> tuple[int, int]:
        return config.search.draws, config.search.epochs

    def keyed(self, spec: TrialSpec) -> dict[str, Any]:
        """For cached features, the table's key already contains the pooling."""
        if not spec.is_end_to_end:
            return {}
        return {"backbone": spec.backbone_key, "pooling": spec.settings["pooling"]}

    def module(self, parts: TrialParts) -> nn.Module:
        from trainables.transfer import transfer_module

        spec = parts.spec
        return transfer_module(
            parts.feature_dim,
            spec.drawn("hidden"),
            spec.classes,
            spec.training_seed,
            spec.drawn("dropout"),
        )
