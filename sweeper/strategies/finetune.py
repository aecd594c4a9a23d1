"""Fine-tuning: the head and the backbone's last layers are trained, or more, or the head alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweeper.strategies.base import PIXELS, Trained
from sweeper.strategies.by_epochs import ByEpochs

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.network_size import NetworkSize
    from trainables.rows import IndexedRows

# Left out of keys, as before there were others. `last` was once written `suffix`.
_NEUTRAL = {"depth": ("last", "suffix"), "precision": ("auto",)}
_SOURCES = {"head": "pooled", "all": PIXELS}  # by depth; between them the prefix's activations


class Finetune(ByEpochs):
    name = "finetune"
    work = "train"
    seconds_beside_training = (0.3, 3.0)
    trains_backbone = True
    shares_workers = True

    def parent(self, config: Config) -> str | None:
        return "transfer" if config.finetune.start == "transfer" else None

    def limits(self, config: Config) -> tuple[int, int]:
        search, finetune = config.search, config.finetune
        return finetune.draws or search.draws, finetune.epochs or search.epochs

    def source(self, config: Config) -> str:
        return _SOURCES.get(config.finetune.depth, "prefix")

    def settings(self, config: Config) -> dict[str, Any]:
        finetune = config.finetune
        return {
            "pooling": config.head.pooling,
            "depth": finetune.depth,
            "precision": finetune.precision,
        }

    def keyed(self, spec: TrialSpec) -> dict[str, Any]:
        settings = {k: v for k, v in spec.settings.items() if v not in _NEUTRAL.get(k, ())}
        start = {"start": spec.start_key, "backbone": spec.backbone_key}
        return {**settings, **start, "batchnorm": spec.drawn("batchnorm")}

    def module(self, parts: TrialParts) -> nn.Module:
        from trainables.finetune import finetune_module, head_module

        spec, settings = parts.spec, parts.spec.settings
        hidden, dropout, seed = spec.drawn("hidden"), spec.drawn("dropout"), spec.training_seed
        state = _head_of(parts.weights(spec.start_key)) if spec.start_key else None
        if settings["depth"] == "head":
            return head_module(parts.feature_dim, hidden, spec.classes, seed, dropout, state)
        return finetune_module(
            parts.backbone,
            settings["pooling"],
            hidden,
            spec.classes,
            batchnorm=spec.drawn("batchnorm"),
            seed=seed,
            head_state=state,
            depth=settings["depth"],
            mixed=self.precision(spec, parts.device) == "bfloat16",
            dropout=dropout,
        )

    def network(self, parts: TrialParts, module: nn.Module) -> nn.Module:
        """The frozen part of the backbone, followed by the trained one."""
        from trainables.finetune import with_backbone, with_prefix

        settings = parts.spec.settings
        if settings["depth"] == "all":
            return module
        if settings["depth"] == "head":
            return with_backbone(parts.backbone, settings["pooling"], module)
        return with_prefix(parts.backbone, module)

    def rows(
        self,
        parts: TrialParts,
        numbers: np.ndarray,
        labels: np.ndarray,
    ) -> IndexedRows:
        from trainables.finetune import ActivationRows
        from trainables.transfer import PooledRows

        if parts.spec.settings["depth"] == "head":
            return PooledRows(parts.table, numbers, labels, parts.device, parts.memory)
        return ActivationRows(parts.table, numbers, labels, parts.device, parts.memory)

    def precision(self, spec: TrialSpec, device: torch.device) -> str:
        from trainables.device import resolved_precision

        if spec.settings["depth"] == "head":
            return "float32"
        return resolved_precision(spec.settings["precision"], device)

    def backbone_names(self, spec: TrialSpec, names: Mapping[str, Any]) -> dict[str, Any]:
        """If the whole network was trained, its parts are below `suffix.`."""
        at = "suffix." if spec.settings["depth"] == "all" else ""
        return {k.removeprefix(at): v for k, v in names.items() if k.startswith("suffix.")}

    def trained(self, size: NetworkSize, config: Config) -> Trained:
        if config.finetune.depth == "head":
            return Trained(0.0, 0)
        if config.finetune.depth == "all":
            return Trained(size.macs, size.parameters)
        return Trained(size.suffix_macs, size.suffix_parameters)


def _head_of(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = "head."
    return {k.removeprefix(start): v for k, v in weights.items() if k.startswith(start)}
