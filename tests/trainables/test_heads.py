"""The head, layer by layer, as the paper's code has it."""

import pytest
import torch
from torch import nn

from trainables.heads import GlobalPool, build_head


def test_the_layers_are_the_papers() -> None:
    head = build_head(20, [12, 6], 3)
    kinds = [nn.BatchNorm1d, nn.Dropout]
    kinds += [nn.Linear, nn.ReLU, nn.Dropout, nn.BatchNorm1d] * 2 + [nn.Linear]
    assert [type(layer) for layer in head] == kinds
    assert [layer.p for layer in head if isinstance(layer, nn.Dropout)] == [0.2, 0.1, 0.1]
    widths = [(m.in_features, m.out_features) for m in head if isinstance(m, nn.Linear)]
    assert widths == [(20, 12), (12, 6), (6, 3)]
    assert [m.num_features for m in head if isinstance(m, nn.BatchNorm1d)] == [20, 12, 6]


def test_without_hidden_layers_there_is_one_linear_layer() -> None:
    kinds = [type(layer) for layer in build_head(20, [], 3)]
    assert kinds == [nn.BatchNorm1d, nn.Dropout, nn.Linear]


def test_batchnorm_has_keras_defaults() -> None:
    head = build_head(4, [3], 2)
    norms = [m for m in head if isinstance(m, nn.BatchNorm1d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}
    features = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) + 5
    head.train()(features)
    torch.testing.assert_close(norms[0].running_mean, 0.99 * 0 + 0.01 * features.mean(0))


def test_linear_layers_start_glorot_uniform_with_zero_biases() -> None:
    torch.manual_seed(0)
    layer = build_head(300, [], 100)[-1]
    bound = (6 / (300 + 100)) ** 0.5
    assert 0.99 * bound < layer.weight.abs().max() <= bound
    assert abs(layer.weight.std() - bound / 3**0.5) < 0.01 * bound
    assert not layer.bias.any()


def test_the_global_generator_determines_the_initialisation() -> None:
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(build_head(8, [4], 2)[-1].state_dict()["weight"])
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_max_pooling_takes_the_largest_and_average_pooling_the_mean() -> None:
    features = torch.tensor([[[[1.0, 2.0], [3.0, -10.0]], [[0.0, 0.0], [0.0, 4.0]]]])
    assert GlobalPool("max")(features).tolist() == [[3.0, 4.0]]
    assert GlobalPool("avg")(features).tolist() == [[-1.0, 1.0]]
    assert GlobalPool("max")(features.half()).dtype == torch.float32


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="pooling='median': expected one of max, avg"):
        GlobalPool("median")
