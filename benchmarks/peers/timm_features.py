"""Logistic regression by scikit-learn on timm's pooled features; C is chosen on validation."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.peers.task import Result, Task
from benchmarks.peers.timm_loader import loader
from benchmarks.peers.timm_model import network

_STRENGTHS = [10.0**power for power in range(-5, 2)]


def main() -> None:
    task = Task.read()
    result = Result(task)
    model = network(task, 0)
    fitted = _chosen(_features(model, task, "train"), _features(model, task, "val"))
    features, _ = _features(model, task, "test")
    result.hand_in("features", fitted.predict(features), ("scikit-learn", "timm", "torch"))


Rows = tuple[np.ndarray, np.ndarray]  # features (n, d), class numbers (n,)


@torch.inference_mode()
def _features(model: nn.Module, task: Task, part: str) -> Rows:
    model.eval()
    pairs = [(model(pixels), labels) for pixels, labels in loader(task, part, train=False)]
    features, labels = (torch.cat(column).numpy() for column in zip(*pairs, strict=True))
    return features, labels


def _chosen(train: Rows, validation: Rows) -> Pipeline:
    fits = [
        make_pipeline(StandardScaler(), LogisticRegression(C=one, max_iter=1000)).fit(*train)
        for one in _STRENGTHS
    ]
    features, labels = validation
    classes = range(len(np.unique(train[1])))
    return min(fits, key=lambda fit: log_loss(labels, fit.predict_proba(features), labels=classes))


if __name__ == "__main__":
    main()
