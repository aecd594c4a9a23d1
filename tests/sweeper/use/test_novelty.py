"""Distances are to the nearest features of another group; images unlike the training are far."""

from pathlib import Path

import numpy as np
import pytest

from datasets.shards import read_images
from sweeper.run.predictions import read_predictions
from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use import novelty
from sweeper.use.chosen import choose
from sweeper.use.finished import FinishedRun
from sweeper.use.novelty import Novelty, Threshold, nearest
from sweeper.use.run_artifacts import pooled_of, shards_of


def test_the_nearest_of_another_group_is_found_block_by_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(novelty, "_BLOCK", 7)
    random = np.random.default_rng(0)
    features = random.normal(size=(40, 5))
    group = random.integers(0, 6, 40)
    found = nearest(features, group, features, group)
    for i in range(40):
        others = features[group != group[i]]
        expected = np.linalg.norm(others - features[i], axis=1).min()
        assert found[i] == pytest.approx(expected, abs=1e-6)
    alone = nearest(features, np.zeros(40), features, np.zeros(40))
    assert np.isinf(alone).all()


@pytest.fixture(scope="module")
def measured(finished_run: FinishedRun) -> Novelty:
    store = Store(finished_run.config.store)
    found = Novelty.of(finished_run, choose(finished_run, store), store)
    assert found is not None
    return found


def test_every_cell_has_the_features_of_its_backbone(finished_run: FinishedRun) -> None:
    store = Store(finished_run.config.store)
    for strategy in ("transfer", "finetune"):
        cell = f"grouped/mobilenet/all/none/{strategy}/seed0"
        assert pooled_of(choose(finished_run, store, cell).spec, store)


def test_training_images_have_distance_zero_and_test_images_are_flagged_as_reported(
    finished_run: FinishedRun, measured: Novelty
) -> None:
    """The network computes the cached features."""
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store)
    split = read_split(store, chosen.spec.split_key)
    shards = shards_of(chosen.spec, store)
    assert shards is not None

    def distances(part: str) -> np.ndarray:
        wanted = [(one, 0) for one in sorted(set(split[split["part"] == part]["image_id"]))]
        return measured.distances(read_images(shards.folder, store.filesystem, wanted))

    assert distances("train").max() < 0.01
    tested = distances("test")
    assert len(tested) == measured.threshold.tested == len(read_predictions(store, chosen.spec))
    flagged = sum(measured.is_far(float(one)) for one in tested)
    assert flagged == measured.threshold.flagged


def test_one_flagged_image_is_reported_in_the_singular() -> None:
    assert "1 of 3 test images (33 %) is flagged" in str(Threshold(0.5, 1, 3))
    assert "2 of 3 test images (67 %) are flagged" in str(Threshold(0.5, 2, 3))


def test_noise_and_stripes_are_unlike_radiographs(measured: Novelty) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::4] = 255
    for distance in measured.distances(np.stack([noise, stripes])):
        assert measured.is_far(float(distance))


def test_without_features_in_the_store_there_is_no_result(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    store = Store(finished_run.config.store)
    chosen = choose(finished_run, store)
    assert Novelty.of(finished_run, chosen, Store(str(tmp_path / "empty"))) is None
