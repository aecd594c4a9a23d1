"""The linear probe: logistic regression on pooled features, regularised as validation chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweeper.strategies.base import Trained
from sweeper.strategies.probe import Probe

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sweeper.plan.trial_spec import TrialSpec
    from trainables.criterion import Criterion
    from trainables.probes import Features, Searched


class Linear(Probe):
    name = "linear"
    seconds_beside_training = (0.05, 1.5)
    passes_of_epoch = (100.0, 700.0)  # of the solver, over all strengths; 460 to 560 on radiographs

    def build(self, features: int, classes: int) -> nn.Module:
        from trainables.linear import linear_layer

        return linear_layer(features, classes)

    def search(
        self, train: Features, val: Features, classes: int, criterion: Criterion
    ) -> Searched:
        from trainables.linear import search_linear

        return search_linear(train, val, classes, criterion)

    def exported(self, spec: TrialSpec, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        return {"head": "linear", "feature_dim": weights["head.weight"].shape[1]}

    def head(
        self, features: int, hyperparameters: Mapping[str, Any], classes: int, rows: int
    ) -> Trained:
        return Trained(features * classes, (features + 1) * classes)
