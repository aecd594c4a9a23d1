"""The loss of a draw against torch's own and against the formulas of its sources."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from trainables.losses import build_loss, class_weights

COUNTS = [30, 6, 4]
LOGITS = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)) * 2
LABELS = torch.tensor([0, 1, 2, 0, 1, 1, 2])


def loss(**values: Any) -> float:
    return float(build_loss(values, COUNTS)(LOGITS, LABELS))


def test_without_options_it_is_the_summed_cross_entropy() -> None:
    assert loss() == float(functional.cross_entropy(LOGITS, LABELS, reduction="sum"))


def test_label_smoothing_is_torchs() -> None:
    expected = functional.cross_entropy(LOGITS, LABELS, reduction="sum", label_smoothing=0.2)
    assert loss(label_smoothing=0.2) == pytest.approx(float(expected), rel=1e-6)


def test_balanced_weights_are_those_written_by_hand() -> None:
    weights = [40 / (3 * count) for count in COUNTS]
    torch.testing.assert_close(class_weights("balanced", COUNTS, 0.0), torch.tensor(weights))
    p = LOGITS.softmax(1)
    expected = -sum(weights[y] * math.log(p[row, y]) for row, y in enumerate(LABELS.tolist()))
    assert loss(class_weights="balanced") == pytest.approx(expected, rel=1e-5)


def test_effective_numbers_are_those_of_the_formula() -> None:
    raw = [(1 - 0.9) / (1 - 0.9**count) for count in COUNTS]
    mean = sum(w * count for w, count in zip(raw, COUNTS, strict=True)) / 40
    found = class_weights("effective_number", COUNTS, 0.9)
    torch.testing.assert_close(found, torch.tensor([w / mean for w in raw]))
    equal = class_weights("effective_number", COUNTS, 0.0)
    torch.testing.assert_close(equal, torch.ones(3))


@pytest.mark.parametrize("kind", ["balanced", "effective_number"])
def test_weights_average_to_one_over_the_training_images(kind: str) -> None:
    weights = class_weights(kind, COUNTS, 0.99)
    assert float((weights * torch.tensor(COUNTS)).sum()) / 40 == pytest.approx(1)


def test_weights_of_a_class_without_images_are_finite() -> None:
    assert class_weights("balanced", [3, 0], 0.0).isfinite().all()


def test_weights_need_counts() -> None:
    with pytest.raises(ValueError, match="class_weights='balanced': needs the number of images"):
        build_loss({"class_weights": "balanced"}, None)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_is_the_papers(gamma: float) -> None:
    p = LOGITS.softmax(1)[range(7), LABELS]
    expected = float(((1 - p) ** gamma * -p.log()).sum())
    assert loss(focal_gamma=gamma) == pytest.approx(expected, rel=1e-5)


def test_the_focal_gradient_is_finite_where_the_network_is_certain() -> None:
    logits = torch.tensor([[60.0, 0.0, 0.0]], requires_grad=True)
    build_loss({"focal_gamma": 0.5}, None)(logits, torch.tensor([0])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    "values",
    [{}, {"label_smoothing": 0.1}, {"class_weights": "balanced"}, {"focal_gamma": 2.0}],
    ids=str,
)
def test_padding_counts_nothing(values: dict[str, Any]) -> None:
    padded = torch.cat([LOGITS, torch.full((2, 3), 9.0)])
    labels = torch.cat([LABELS, torch.tensor([-100, -100])])
    assert float(build_loss(values, COUNTS)(padded, labels)) == pytest.approx(loss(**values))
