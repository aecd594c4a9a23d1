"""Integrated Gradients in cases with a known integral."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainables.explain import Attribution, Probabilities, attribute

SIDE = 6
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
WEIGHTS = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def _linear(pixels: Tensor) -> Tensor:
    return torch.einsum("bchw,kchw->bk", pixels, WEIGHTS) + 3


def _attribute(
    model: Callable[[Tensor], Tensor] = _linear,
    baseline: str = "black",
    target: int = 1,
    n_steps: int = 20,
    random_baselines: int = 3,
    seed: int = 0,
) -> Attribution:
    return attribute(
        model,
        IMAGE,
        target,
        baseline=baseline,
        n_steps=n_steps,
        random_baselines=random_baselines,
        seed=seed,
    )


def _times_weights(difference: Tensor, target: int) -> np.ndarray:
    """w * (x - x'), summed over channels: the attributions of a linear model."""
    return (difference * WEIGHTS[target]).sum(0).numpy()


def _pixels() -> Tensor:
    return torch.from_numpy(IMAGE).permute(2, 0, 1).float()


def _network() -> Probabilities:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        layers = nn.Sequential(
            nn.Flatten(), nn.Linear(3 * SIDE**2, 16), nn.Tanh(), nn.Linear(16, 3)
        )
    with torch.no_grad():
        layers.state_dict()["1.weight"].mul_(0.02)
        layers.state_dict()["3.weight"].mul_(4)
    return Probabilities(layers)


@pytest.mark.parametrize("target", [0, 1])
def test_on_a_linear_model_the_map_is_weights_times_pixels_and_complete(target: int) -> None:
    found = _attribute(target=target)
    assert (found.map.shape, found.map.dtype) == ((SIDE, SIDE), np.float32)
    np.testing.assert_allclose(found.map, _times_weights(_pixels(), target), rtol=1e-4, atol=1e-2)
    difference = float(_linear(_pixels()[None])[0, target]) - 3
    size = float(np.abs(found.map).sum())
    assert found.map.sum() == pytest.approx(difference, abs=1e-5 * size)
    assert abs(found.delta) < 1e-5 * size


def test_the_random_baseline_is_the_mean_over_several_noise_images() -> None:
    generator = torch.Generator().manual_seed(5)
    noise = [torch.rand(1, 3, SIDE, SIDE, generator=generator)[0] * 255 for _ in range(3)]
    found = _attribute(baseline="random", seed=5, random_baselines=3)
    expected = np.mean([_times_weights(_pixels() - one, 1) for one in noise], axis=0)
    np.testing.assert_allclose(found.map, expected, rtol=1e-4, atol=1e-2)
    assert found.baseline == "random"


def test_noise_is_uniform_over_the_range_of_pixels() -> None:
    found = _attribute(baseline="random", random_baselines=400)
    expected = _times_weights(_pixels() - 127.5, 1)
    spread = 255 / 12**0.5 * WEIGHTS[1].square().sum(0).sqrt().numpy() / 400**0.5
    assert np.abs((found.map - expected) / spread).max() < 4


def test_the_seed_determines_the_noise() -> None:
    first, again, other = (_attribute(baseline="random", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.map, again.map)
    assert not np.array_equal(first.map, other.map)


def test_on_a_network_the_map_equals_an_explicit_trapezoid_rule() -> None:
    network, pixels, steps = _network(), _pixels()[None], 40  # three internal batches
    points = torch.linspace(0, 1, steps)
    path = (points.view(-1, 1, 1, 1) * pixels).requires_grad_()
    network(path)[:, 1].sum().backward()
    assert path.grad is not None
    mean = torch.trapezoid(path.grad, points, dim=0)
    found = _attribute(network, n_steps=steps)
    np.testing.assert_allclose(found.map, (mean * pixels[0]).sum(0).numpy(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("baseline", ["black", "random"])
def test_more_steps_reduce_the_completeness_gap(baseline: str) -> None:
    network = _network()
    rise = float(network(_pixels()[None])[0, 1] - network(torch.zeros(1, 3, SIDE, SIDE))[0, 1])
    assert abs(rise) > 0.05
    deltas = [abs(_attribute(network, baseline, n_steps=n).delta) for n in (4, 16, 64)]
    assert deltas[0] > 4 * deltas[1] > 16 * deltas[2]
    assert deltas[2] < 0.01


def test_delta_is_the_sum_of_the_map_minus_the_change_of_the_score() -> None:
    network = _network()
    found = _attribute(network, n_steps=5)
    with torch.no_grad():
        rise = network(_pixels()[None])[0, 1] - network(torch.zeros(1, 3, SIDE, SIDE))[0, 1]
    assert found.delta == pytest.approx(float(found.map.sum() - rise), abs=1e-6)
    assert abs(found.delta) > 1e-4


def test_the_score_is_the_softmax_of_a_network_in_eval_mode() -> None:
    layers = nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(3 * SIDE**2, 3)).train()
    network = Probabilities(layers)
    scores = network(_pixels()[None] / 255)
    torch.testing.assert_close(scores, layers[2](_pixels().flatten() / 255)[None].softmax(1))
    assert not any(p.requires_grad for p in layers.parameters())


def test_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline='white': expected one of black, random"):
        _attribute(baseline="white")
