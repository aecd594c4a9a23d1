"""Transfer learning: the backbone is frozen, and a head is trained on its pooled features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweeper.strategies.base import Trained
from sweeper.strategies.by_epochs import ByEpochs

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.network_size import NetworkSize
    from trainables.rows import IndexedRows


class Transfer(ByEpochs):
    name = "transfer"
    work = "head"
    seconds_beside_training = (0.05, 0.6)

    def limits(self, config: Config) -> tuple[int, int]:
        return config.search.draws, config.search.epochs

    def source(self, config: Config) -> str:
        return "pooled"

    def settings(self, config: Config) -> dict[str, Any]:
        return {"pooling": config.head.pooling}

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

    def network(self, parts: TrialParts, module: nn.Module) -> nn.Module:
        from trainables.finetune import with_backbone

        return with_backbone(parts.backbone, parts.spec.settings["pooling"], module)

    def rows(
        self,
        parts: TrialParts,
        numbers: np.ndarray,
        labels: np.ndarray,
        device: torch.device,
    ) -> IndexedRows:
        from trainables.transfer import PooledRows

        return PooledRows(parts.table, numbers, labels, device)

    def trained(self, size: NetworkSize, config: Config) -> Trained:
        return Trained(0.0, 0)
