"""The k-nearest-neighbours probe is scikit-learn's, with a prior that keeps the loss finite."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from tests.trainables.test_linear import features
from trainables.nearest import (
    NEIGHBOURS,
    TEMPERATURES,
    NearestNeighbours,
    _remembering,
    search_nearest,
)
from trainables.probes import Features, chosen, scores

TRAIN, VAL = features(90, 0), features(60, 1)


def module(k: int, temperature: float, train: Features = TRAIN) -> NearestNeighbours:
    made = _remembering(train, 3)
    setting = {"neighbours": torch.tensor(k), "temperature": torch.tensor(temperature)}
    made.load_state_dict(made.state_dict() | setting)
    return made


@pytest.mark.parametrize("k", [1, 5, 90])
@pytest.mark.parametrize("temperature", [0.05, float("inf")])
def test_it_is_scikit_learns_classifier(k: int, temperature: float) -> None:
    scaler = StandardScaler().fit(TRAIN.values.double().numpy())

    def weights(distances: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp((1 - distances) / temperature))

    reference = KNeighborsClassifier(k, metric="cosine", weights=weights)
    reference.fit(scaler.transform(TRAIN.values.double().numpy()), TRAIN.labels.numpy())
    shares = reference.predict_proba(scaler.transform(VAL.values.double().numpy()))
    expected = (k * shares + 1 / 3) / (k + 1)  # equally many rows of each class
    found = module(k, temperature)(VAL.values).exp().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_probabilities_sum_to_one_and_none_is_zero() -> None:
    found = module(1, 0.02)(VAL.values).exp()
    torch.testing.assert_close(found.sum(1), torch.ones(60))
    assert (found > 0.1).all()


def test_neighbours_and_temperature_are_those_with_the_lowest_validation_loss() -> None:
    found = search_nearest(TRAIN, VAL, 3)
    assert len(found.candidates) == sum(k <= 90 for k in NEIGHBOURS) * len(TEMPERATURES)
    best = chosen(found.candidates)
    assert best.val_loss == min(one.val_loss for one in found.candidates)
    assert best.val_loss < found.candidates[0].val_loss
    assert scores(found.module(VAL.values), VAL.labels) == pytest.approx(
        (best.val_loss, best.val_accuracy)
    )


def test_a_training_row_is_not_its_own_neighbour() -> None:
    """Labels by chance: with itself among its neighbours, every row would be right."""
    labels = torch.from_numpy(np.random.default_rng(2).integers(0, 3, 90))
    noise = torch.from_numpy(np.random.default_rng(3).normal(size=(90, 8)).astype(np.float32))
    found = search_nearest(Features(noise, labels), VAL, 3)
    assert found.train[1] < 0.6


def test_a_trained_state_loads_into_a_new_module_of_another_size() -> None:
    trained = search_nearest(TRAIN, VAL, 3).module
    loaded = NearestNeighbours(8, 3)
    uniform = loaded(VAL.values).exp()
    torch.testing.assert_close(uniform, torch.full((60, 3), 1 / 3))
    loaded.load_state_dict(trained.state_dict())
    torch.testing.assert_close(loaded(VAL.values), trained(VAL.values))


def test_fewer_rows_than_neighbours_leave_out_what_is_not_there() -> None:
    few = Features(TRAIN.values[:6], TRAIN.labels[:6])
    found = search_nearest(few, VAL, 3)
    assert {one.setting["neighbours"] for one in found.candidates} == {1, 3, 5}
