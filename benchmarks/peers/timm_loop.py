"""A fine-tuning loop as one writes it around timm: AdamW, cosine, the best epoch on validation.

Settings: learning rate 3e-4, weight decay 0.05, label smoothing 0.1, all layers trained.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.peers.task import Result, Task
from benchmarks.peers.timm_loader import loader
from benchmarks.peers.timm_model import network

_LR, _WEIGHT_DECAY, _SMOOTHING = 3e-4, 0.05, 0.1


def main() -> None:
    task = Task.read()
    result = Result(task)
    model = network(task, len(task.classes))
    train, validation = loader(task, "train", train=True), loader(task, "val", train=False)
    _train(model, train, validation, task.epochs)
    scores, _ = _predict(model, loader(task, "test", train=False))
    result.hand_in("timm", scores.argmax(1).numpy(), ("timm", "torch"))


def _train(
    model: nn.Module,
    train: DataLoader[tuple[Tensor, int]],
    validation: DataLoader[tuple[Tensor, int]],
    epochs: int,
) -> None:
    """Train, and keep the weights of the epoch with the best validation accuracy."""
    optimiser = torch.optim.AdamW(model.parameters(), _LR, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * len(train))
    loss_of = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
    best, kept = -1.0, model.state_dict()
    for epoch in range(epochs):
        model.train()
        for pixels, labels in train:
            loss = loss_of(model(pixels), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        scores, labels = _predict(model, validation)
        accuracy = float((scores.argmax(1) == labels).float().mean())
        print(f"epoch {epoch + 1}: validation accuracy {accuracy:.3f}", flush=True)
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)


@torch.inference_mode()
def _predict(model: nn.Module, batches: DataLoader[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Logits (n, classes) and class numbers (n,)."""
    model.eval()
    pairs = [(model(pixels), labels) for pixels, labels in batches]
    return torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs])


if __name__ == "__main__":
    main()
