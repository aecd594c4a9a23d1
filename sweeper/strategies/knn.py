"""k nearest neighbours: the pooled features of the training rows vote, by cosine similarity.

Its networks are not explained: which rows are among the k nearest changes in jumps, so gradients
along a path do not add up to the change of the score, and Integrated Gradients' completeness does
not hold.
"""

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


class NearestNeighbours(Probe):
    name = "knn"
    seconds_beside_training = (0.05, 0.6)
    passes_of_epoch = (0.0, 0.0)  # nothing is optimised: only the validation rows are scored
    unexplained = "its score jumps where another training row becomes a neighbour"

    def build(self, features: int, classes: int) -> nn.Module:
        from trainables import nearest

        return nearest.NearestNeighbours(features, classes)

    def search(
        self, train: Features, val: Features, classes: int, criterion: Criterion
    ) -> Searched:
        from trainables.nearest import search_nearest

        return search_nearest(train, val, classes, criterion)

    def exported(self, spec: TrialSpec, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        rows, features = weights["head.features"].shape
        return {
            "head": "neighbours",
            "feature_dim": features,
            "training_rows": rows,
            "neighbours": int(weights["head.neighbours"]),
        }

    def head(
        self, features: int, hyperparameters: Mapping[str, Any], classes: int, rows: int
    ) -> Trained:
        """The head holds the features of every training row."""
        return Trained(float(rows * features), rows * (features + classes) + 2 * features)
