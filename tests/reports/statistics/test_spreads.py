"""How far trainings lie apart is told by all configurations together, and never by one degree of
freedom."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.statistics.coverage import panel_of
from benchmarks.statistics.worlds import World, experiment
from reports.metrics.measured import Metrics
from reports.statistics.intervals import Error
from reports.statistics.spreads import spreads_of
from reports.statistics.training import (
    IMAGES,
    TRAINED,
    Design,
    Spread,
    Spreads,
    Trainings,
    chosen,
    pooled,
    with_training,
)

NO_IMAGES = 1_000_000  # groups: the images leave nothing to chance
BLOCKS, DIVISIONS = 400, 5


def _design(configurations: int, divisions: int, seeds: int = 1) -> Design:
    grid = np.mgrid[0:configurations, 0:divisions, 0:seeds].reshape(3, -1)
    return Design(grid[0], grid[0] // 2, grid[1], grid[2])


def _spreads(values: np.ndarray, design: Design) -> Spreads:
    draws = np.repeat(values[None], 3, axis=0)
    return spreads_of(values, draws, np.ones(len(values)), design, NO_IMAGES)


def _luck(rng: np.random.Generator, design: Design, by: np.ndarray) -> np.ndarray:
    """Variance 1, correlation 0.8 within a block."""
    _, block = np.unique(np.stack([design.block, by]), axis=1, return_inverse=True)
    shared = rng.normal(size=block.max() + 1)[block.ravel()]
    return np.sqrt(0.8) * shared + np.sqrt(0.2) * rng.normal(size=len(by))


def test_the_spread_over_divisions_is_that_of_trainings_and_not_of_what_all_share() -> None:
    """Nor of what configurations differ in, nor is it less where two trainings share their luck."""
    rng, design = np.random.default_rng(0), _design(2 * BLOCKS, DIVISIONS)
    values = rng.normal(size=2 * BLOCKS)[design.configuration] * 3  # how good a configuration is
    values += rng.normal(size=DIVISIONS)[design.division] * 3  # how hard the images are
    found = _spreads(values + _luck(rng, design, design.division), design)
    assert found.single is not None
    assert found.single.kind == "divisions"
    assert found.single.degrees == (BLOCKS - 1) * (DIVISIONS - 1)
    assert found.single.variance == pytest.approx(1.0, rel=0.1)
    assert found.related is not None
    assert found.related.variance == pytest.approx(0.2, rel=0.15)


def test_the_spread_over_seeds_is_within_configurations() -> None:
    rng, design = np.random.default_rng(1), _design(2 * BLOCKS, 1, 3)
    values = rng.normal(size=2 * BLOCKS)[design.configuration] * 3
    found = _spreads(values + _luck(rng, design, design.seed), design)
    assert found.single is not None
    assert (found.single.kind, found.single.degrees) == ("seeds", 2 * BLOCKS)
    assert found.single.variance == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("configurations", "divisions", "seeds", "usable"),
    [
        (1, 2, 1, False),  # one configuration twice: one degree of freedom
        (1, 1, 2, False),
        (4, 2, 1, False),  # two blocks twice
        (6, 2, 1, True),  # three blocks twice
        (1, 5, 1, True),
        (4, 1, 2, True),
    ],
)
def test_one_degree_of_freedom_is_no_spread(
    configurations: int, divisions: int, seeds: int, usable: bool
) -> None:
    design = _design(configurations, divisions, seeds)
    values = np.random.default_rng(2).normal(size=len(design.seed))
    single = _spreads(values, design).single
    assert (single is not None and single.enough) == usable


def test_too_few_trainings_leave_an_interval_of_the_images_that_says_so() -> None:
    rng = np.random.default_rng(3)
    world = World(groups=60, training=0.3, design="repeats", count=2)
    for skills, covers in (((1.7,), IMAGES), ((1.7,) * 6, TRAINED)):
        own = replace(world, skills=skills)
        metrics = Metrics(panel_of(own, experiment(own, rng), "x"), ["0"])
        single = metrics.spreads()["", "accuracy"].single
        spreads = {("", "accuracy"): chosen(single, single)}
        assert metrics.measure([0, 1], spreads)[0].covers == covers


def test_a_failed_cell_takes_its_configuration_out_and_leaves_the_others() -> None:
    design = _design(8, 3)
    values = np.random.default_rng(4).normal(size=24)
    values[0] = math.nan
    found = _spreads(values, design).single
    assert found is not None
    assert found.degrees == 3 * 2
    assert not math.isnan(found.apart)


def test_scenarios_with_few_trainings_use_the_spread_of_all_of_them() -> None:
    few = [Spread(float(v), 0.5, 1, "divisions") for v in (1, 2, 3)]
    everywhere = pooled(few)
    assert everywhere == Spread(2.0, 0.5, 3, "divisions")
    assert chosen(few[0], everywhere) == everywhere
    many = Spread(1.0, 0.5, 20, "divisions")
    assert chosen(many, everywhere) == many
    assert chosen(few[0], few[0]) is None


def test_the_luck_that_two_of_a_block_share_cancels_in_their_difference() -> None:
    spreads = Spreads(Spread(1.0, 0.0, 50, "divisions"), Spread(0.2, 0.0, 50, "divisions"))
    trainings = Trainings(_design(4, 5), np.ones(20), spreads)
    images = Error(0.0, 100)

    def error(first: int, second: int) -> float:
        coefficients = np.zeros(20)
        coefficients[5 * first : 5 * first + 5] = 1 / 5
        coefficients[5 * second : 5 * second + 5] = -1 / 5
        found = trainings.error(images, coefficients)
        assert found is not None
        return found.value

    assert error(0, 1) == pytest.approx(math.sqrt(2 * 0.2 / 5))
    assert error(0, 2) == pytest.approx(math.sqrt(2 * 1.0 / 5))


def test_an_error_of_images_and_trainings_has_satterthwaites_degrees_of_freedom() -> None:
    both = with_training(Error(1.0, 60), Spread(3.0, 1.0, 4, "divisions"), 0.5)
    assert both.value == pytest.approx(math.sqrt(2.0))
    assert both.degrees == pytest.approx(4 / (1 / 60 + 1.5**2 / 4))
    less = with_training(Error(1.0, 60), Spread(1.0, 3.0, 4, "divisions"), 0.5)
    assert less == Error(1.0, 60)
