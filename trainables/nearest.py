"""The k-nearest-neighbours probe: the training features themselves are the head.

Similarity is the cosine of standardised features. The k most similar training rows vote with
weights exp(similarity / temperature) (Wu et al. 2018, "Unsupervised Feature Learning via
Non-Parametric Instance Discrimination", Section 3.4), and

    p(class) = (k * share of the votes + prior) / (k + 1)

with the classes' frequencies in training as `prior` keeps every probability above zero, so that the
log loss is finite. k and the temperature are those
that validation prefers. The module holds the training features: 4 bytes for each feature of
each training row, 2.8 MB for 680 rows of 1024 features.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.criterion import LOG_LOSS, Criterion
from trainables.probes import Features, Searched, chosen, scored, scores

NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100, 200)
TEMPERATURES = (0.02, 0.05, 0.1, 0.2, 1.0)  # at 1, all neighbours count nearly the same
_ROWS_AT_ONCE = 1024


class NearestNeighbours(nn.Module):
    """Features (B, C) -> logarithms of the class probabilities (B, classes).

    Its tensors take the shapes of the state that is loaded, since how many rows and neighbours
    there are is part of what is fitted.
    """

    mean: Tensor
    scale: Tensor
    features: Tensor  # (n, C), standardised, of length 1
    votes: Tensor  # (n, classes), one-hot labels
    prior: Tensor  # (classes,)
    temperature: Tensor  # ()
    neighbours: Tensor  # () int64

    def __init__(self, features: int, classes: int) -> None:
        """Without training rows every class is equally probable."""
        super().__init__()
        for name, value in {
            "mean": torch.zeros(features),
            "scale": torch.ones(features),
            "features": torch.zeros(1, features),
            "votes": torch.full((1, classes), 1 / classes),
            "prior": torch.full((classes,), 1 / classes),
            "temperature": torch.tensor(1.0),
            "neighbours": torch.tensor(1),
        }.items():
            self.register_buffer(name, value)
        self._k = 1
        self.register_load_state_dict_pre_hook(_take_shapes)  # type: ignore[no-untyped-call]

    def forward(self, features: Tensor) -> Tensor:
        similarity, nearest = self.nearest(features, self._k)
        return self.log_probabilities(similarity, nearest, self._k, self.temperature)

    def nearest(self, features: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Similarities and numbers of the k most similar training rows, (B, k) each, the most
        similar first."""
        found = self.similarity(features).topk(k)
        return found.values, found.indices

    def similarity(self, features: Tensor) -> Tensor:
        """Cosines with all training rows, (B, n)."""
        return functional.normalize((features - self.mean) / self.scale) @ self.features.T

    def log_probabilities(
        self, similarity: Tensor, nearest: Tensor, k: int, temperature: Tensor | float
    ) -> Tensor:
        """The vote of the first k of `nearest` (B, at least k)."""
        weights = (similarity[:, :k] / temperature).softmax(1)  # (B, k)
        shares = (weights[..., None] * self.votes[nearest[:, :k]]).sum(1)  # (B, classes)
        return ((k * shares + self.prior) / (k + 1)).log()


def _take_shapes(module: NearestNeighbours, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    for name, buffer in module.named_buffers():
        if (value := state.get(prefix + name)) is not None:
            setattr(module, name, torch.empty_like(value, device=buffer.device))
    if (k := state.get(f"{prefix}neighbours")) is not None:
        module._k = int(k)


@torch.no_grad()
def search_nearest(
    train: Features, val: Features, classes: int, criterion: Criterion = LOG_LOSS
) -> Searched:
    """Try every number of neighbours and temperature on `val`."""
    module = _remembering(train, classes)
    most = max(k for k in NEIGHBOURS if k <= len(train))
    parts = [module.nearest(rows, most) for rows in val.values.split(_ROWS_AT_ONCE)]
    similarity, nearest = (torch.cat(one) for one in zip(*parts, strict=True))
    candidates = [
        scored(
            {"neighbours": k, "temperature": temperature},
            module.log_probabilities(similarity, nearest, k, temperature),
            val.labels,
            criterion,
        )
        for k, temperature in product(NEIGHBOURS, TEMPERATURES)
        if k <= most
    ]
    best = chosen(candidates).setting
    state = module.state_dict() | {
        "neighbours": torch.tensor(int(best["neighbours"])),
        "temperature": torch.tensor(best["temperature"]),
    }
    module.load_state_dict(state)
    return Searched(module, candidates, 0, len(val), _left_out(module, train))


def _left_out(module: NearestNeighbours, train: Features) -> tuple[float, float]:
    """Loss and accuracy of training rows, each without itself among its neighbours; of up to
    `_ROWS_AT_ONCE` rows, evenly spaced."""
    k = min(int(module.neighbours), len(train) - 1)
    own = torch.arange(0, len(train), 1 + (len(train) - 1) // _ROWS_AT_ONCE)
    similarity = module.similarity(train.values[own])
    similarity[torch.arange(len(own)), own] = -torch.inf
    found = similarity.topk(k)
    logits = module.log_probabilities(found.values, found.indices, k, module.temperature)
    return scores(logits, train.labels[own])


def _remembering(train: Features, classes: int) -> NearestNeighbours:
    """The module with the training rows, one neighbour and temperature 1."""
    values = train.values.double()
    mean, scale = values.mean(0), values.std(0, unbiased=False)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    votes = functional.one_hot(train.labels, classes).float()
    module = NearestNeighbours(values.shape[1], classes).to(values.device)
    state = {
        "mean": mean.float(),
        "scale": scale.float(),
        "features": functional.normalize((values - mean) / scale).float(),
        "votes": votes,
        "prior": (votes.sum(0) + 1) / (len(votes) + classes),
    }
    module.load_state_dict(module.state_dict() | state)
    return module
