"""What strategies with a frozen backbone have in common: a head on its pooled features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweeper.strategies.base import Strategy, Trained

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from sweeper.config.schema import Config
    from sweeper.run.parts import TrialParts
    from trainables.network_size import NetworkSize
    from trainables.rows import IndexedRows


class FrozenBackbone(Strategy):
    """A strategy that trains a head alone."""

    def source(self, config: Config) -> str:
        return "pooled"

    def settings(self, config: Config) -> dict[str, Any]:
        return {"pooling": config.head.pooling}

    def network(self, parts: TrialParts, module: nn.Module) -> nn.Module:
        from trainables.finetune import with_backbone

        return with_backbone(parts.backbone, parts.spec.settings["pooling"], module)

    def rows(
        self,
        parts: TrialParts,
        numbers: np.ndarray,
        labels: np.ndarray,
    ) -> IndexedRows:
        from trainables.transfer import PooledRows

        return PooledRows(parts.table, numbers, labels, parts.device, parts.memory)

    def trained(self, size: NetworkSize, config: Config) -> Trained:
        return Trained(0.0, 0)
