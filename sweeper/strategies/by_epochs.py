"""What strategies have in common that train by gradient descent, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sweeper.strategies.base import Strategy, Trained

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.criterion import Criterion
    from trainables.loop import Epoch, Fit
    from trainables.rows import IndexedRows, Rows


class ByEpochs(Strategy):
    """A strategy whose trials run the training loop with a draw of the hyperparameters."""

    by_epochs = True

    def fit(
        self,
        parts: TrialParts,
        network: nn.Module,
        rows: Rows,
        validation: IndexedRows,
        on_epoch: Callable[[list[Epoch]], None],
        criterion: Criterion,
    ) -> Fit:
        from trainables.loop import Setting, train

        spec = parts.spec
        setting = Setting(
            spec.hyperparameters,
            epochs=spec.epochs,
            seed=spec.training_seed,
            batchnorm_statistics=spec.batchnorm_statistics,
            epoch_rows=spec.epoch_rows,
            class_counts=_class_counts(parts.part("train"), spec.classes),
        )
        return train(network, rows, validation, setting, on_epoch, criterion, parts.checkpoints)

    def exported(self, spec: TrialSpec, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        hidden = list(spec.hyperparameters["hidden"])
        return {"head": "layers", "feature_dim": len(weights["head.0.weight"]), "hidden": hidden}

    def head(
        self, features: int, hyperparameters: Mapping[str, Any], classes: int, rows: int
    ) -> Trained:
        from trainables.network_size import head_macs

        numbers = head_macs(features, hyperparameters["hidden"], classes)
        return Trained(numbers, round(numbers))


def _class_counts(part: pd.DataFrame, classes: int) -> list[int]:
    """Images of each class in a part; copies of an image are no further images."""
    import numpy as np

    images = part.drop_duplicates("image_id")["label"].to_numpy()
    return [int(count) for count in np.bincount(images, minlength=classes)]
