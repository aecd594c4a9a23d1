"""Integrated Gradients in cases with a known integral."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainables.explain import TOLERANCE, Attribution, Score, attribute
from trainables.registry import BASELINES, SCORES

SIDE = 6
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
WEIGHTS = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def _linear(pixels: Tensor) -> Tensor:
    return torch.einsum("bchw,kchw->bk", pixels, WEIGHTS) + 3


def _attribute(
    model: Callable[[Tensor], Tensor] = _linear,
    baseline: str = "black",
    target: int = 1,
    max_steps: int = 512,
    random_baselines: int = 3,
    seed: int = 0,
) -> Attribution:
    return attribute(
        model,
        IMAGE,
        target,
        baseline=baseline,
        max_steps=max_steps,
        random_baselines=random_baselines,
        seed=seed,
    )


def _delta(found: Attribution) -> float:
    assert found.delta is not None
    return found.delta


def _change(found: Attribution) -> float:
    assert found.change is not None
    return found.change


def _times_weights(difference: Tensor, target: int) -> np.ndarray:
    """w * (x - x'), summed over channels: the attributions of a linear model."""
    return (difference * WEIGHTS[target]).sum(0).numpy()


def _pixels() -> Tensor:
    return torch.from_numpy(IMAGE).permute(2, 0, 1).float()


def _network(score: str = "probability") -> Score:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        layers = nn.Sequential(
            nn.Flatten(), nn.Linear(3 * SIDE**2, 16), nn.Tanh(), nn.Linear(16, 3)
        )
    with torch.no_grad():
        layers.state_dict()["1.weight"].mul_(0.02)
        layers.state_dict()["3.weight"].mul_(4)
    return Score(layers, score)


@pytest.mark.parametrize("target", [0, 1])
def test_on_a_linear_model_the_map_is_weights_times_pixels_and_complete(target: int) -> None:
    found = _attribute(target=target)
    assert (found.map.shape, found.map.dtype) == ((SIDE, SIDE), np.float32)
    np.testing.assert_allclose(found.map, _times_weights(_pixels(), target), rtol=1e-4, atol=1e-2)
    difference = float(_linear(_pixels()[None])[0, target]) - 3
    size = float(np.abs(found.map).sum())
    assert found.map.sum() == pytest.approx(difference, abs=1e-5 * size)
    assert abs(_delta(found)) < 1e-5 * size


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


def _rise(network: Score, start: Tensor) -> float:
    return float(network(_pixels()[None])[0, 1] - network(start)[0, 1])


@pytest.mark.parametrize("score", SCORES)
def test_the_map_equals_a_fine_trapezoid_rule(score: str) -> None:
    network, pixels = _network(score), _pixels()[None]
    points = torch.linspace(0, 1, 4001)
    path = (points.view(-1, 1, 1, 1) * pixels).requires_grad_()
    network(path)[:, 1].sum().backward()
    assert path.grad is not None
    expected = (torch.trapezoid(path.grad, points, dim=0) * pixels[0]).sum(0).numpy()
    found = _attribute(network)
    np.testing.assert_allclose(found.map, expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("score", SCORES)
def test_steps_are_added_until_the_map_is_complete_to_a_hundredth(
    score: str, baseline: str
) -> None:
    found = _attribute(_network(score), baseline)
    assert found.converged
    assert abs(_delta(found)) <= TOLERANCE * abs(_change(found))
    assert float(found.map.sum()) == pytest.approx(found.change + found.delta, rel=1e-4)


def test_change_is_that_of_the_score_from_the_baseline_to_the_image() -> None:
    network = _network("log_probability")
    black = torch.zeros(1, 3, SIDE, SIDE)
    assert _attribute(network).change == pytest.approx(_rise(network, black), rel=1e-4)
    mean = _pixels().mean((1, 2), keepdim=True).expand(1, 3, SIDE, SIDE)
    assert _attribute(network, "mean").change == pytest.approx(_rise(network, mean), rel=1e-3)


def _step_at(position: float, sharpness: float) -> Callable[[Tensor], Tensor]:
    """A score that rises by 1 where the mean brightness passes a share of the image's."""
    bright = float(_pixels().mean())

    def model(pixels: Tensor) -> Tensor:
        share = pixels.mean((1, 2, 3)) / bright
        return torch.sigmoid(sharpness * (share - position))[:, None].expand(-1, 2)

    return model


def test_steps_gather_where_the_score_changes() -> None:
    """An even rule needs some steps within the jump, 100 or more over the whole path."""
    found = _attribute(_step_at(0.37, 400))
    assert found.converged
    assert found.steps <= 9 + 4 * 16


def test_a_map_that_misses_the_change_has_not_converged() -> None:
    found = _attribute(_step_at(0.37, 400), max_steps=9)
    assert (found.converged, found.steps) == (False, 9)
    assert abs(_delta(found)) > TOLERANCE


def test_errors_that_cancel_are_not_convergence() -> None:
    """A score that swings between the first points, flat at each: what the rule misses on one
    interval it gains on the next."""
    bright = float(_pixels().mean())

    def model(pixels: Tensor) -> Tensor:
        share = pixels.mean((1, 2, 3)) / bright
        return (share + 5 * torch.cos(8 * torch.pi * share))[:, None].expand(-1, 2)

    found = _attribute(model, max_steps=9)
    assert abs(_delta(found)) < TOLERANCE * abs(_change(found))
    assert not found.converged
    assert _attribute(model).converged


def test_a_score_that_does_not_change_has_no_map() -> None:
    found = _attribute(lambda pixels: 0 * _linear(pixels), max_steps=20)
    assert not found.converged


def test_a_score_that_is_not_finite_ends_the_search_at_once() -> None:
    found = _attribute(lambda pixels: _linear(pixels) * float("inf"))
    assert (found.converged, found.steps) == (False, 9)


def test_attributions_beyond_half_precision_are_kept() -> None:
    found = _attribute(lambda pixels: 1e6 * _linear(pixels))
    assert found.converged
    assert np.isfinite(found.map).all()
    assert np.abs(found.map).max() > np.finfo(np.float16).max


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("logit", lambda z: z),
        ("probability", lambda z: z.softmax(1)),
        ("log_probability", lambda z: z.log_softmax(1)),
    ],
)
def test_the_score_is_of_a_network_in_eval_mode(
    score: str, expected: Callable[[Tensor], Tensor]
) -> None:
    layers = nn.Sequential(nn.Dropout(0.5), nn.Flatten(), nn.Linear(3 * SIDE**2, 3)).train()
    network = Score(layers, score, temperature=2.0)
    logits = layers[2](_pixels().flatten() / 255)[None] / 2
    torch.testing.assert_close(network(_pixels()[None] / 255), expected(logits))
    assert not any(p.requires_grad for p in layers.parameters())


def test_an_unknown_baseline_or_score_is_refused() -> None:
    message = "baseline='white': expected one of black, mean, blurred, random"
    with pytest.raises(ValueError, match=message):
        _attribute(baseline="white")
    with pytest.raises(ValueError, match="score='odds': expected one of log_probability, logit"):
        Score(nn.Flatten(), "odds")


@pytest.mark.parametrize("score", SCORES)
def test_a_converged_map_is_that_of_captum(score: str) -> None:
    from captum.attr import IntegratedGradients

    network = _network(score)
    ours = _attribute(network, target=2)
    assert ours.converged
    reference = IntegratedGradients(network).attribute(
        _pixels()[None], torch.zeros(1, 3, SIDE, SIDE), target=2, n_steps=400
    )
    expected = reference[0].sum(0).detach().numpy()  # Gauss-Legendre
    error = np.abs(ours.map - expected).sum()
    assert error < 2 * TOLERANCE * np.abs(expected).sum() + 1e-6
