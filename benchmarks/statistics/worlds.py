"""Simulated experiments: test images, configurations, trainings, and divisions of the images.

A trained network gives each class a score: a normal number, `skill` higher for the true class. What
is hard about a group of images, and about one image, is hard for all networks; another part is one
configuration's, the rest one training's. The true probabilities of the classes follow from the
scores, so that a calibrated network takes one line. Nothing here uses the report's code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

OF_IMAGES, OF_CONFIGURATION = 0.5, 0.25  # of a score's variance; the rest is of a training
_OF_GROUP = 0.7  # of what is hard about an image, shared in its group
_TEST_SHARE = 0.15  # of a collection that is divided at random
MEMBERS = 2  # configurations of a block: a network, and one whose training starts from it
_RELATED = 0.8  # correlation of their luck
_POPULATION = 20_000  # groups that stand for all there are


@dataclass(frozen=True)
class World:
    """What experiments are drawn from."""

    groups: int = 100  # in one test set
    sizes: tuple[int, ...] = (1,)  # images of a group, each as likely
    classes: int = 5
    imbalance: float = 1.0  # the largest class to the smallest
    skills: tuple[float, ...] = (1.7,)  # of the configurations, those of a block beside each other
    training: float = 0.0  # standard deviation of the skill over trainings
    design: str = "seeds"  # seeds | repeats | folds
    count: int = 1  # of these
    sharpness: float = 1.0  # 1: probabilities are true; above: overconfident

    @property
    def priors(self) -> np.ndarray:
        """(classes,), a geometric sequence from the largest to the smallest."""
        shares = self.imbalance ** -np.linspace(0, 1, self.classes)
        return np.asarray(shares / shares.sum())

    @property
    def collection(self) -> int:
        """Groups from which the test sets are taken."""
        return {
            "seeds": self.groups,
            "repeats": round(self.groups / _TEST_SHARE),
            "folds": self.groups * self.count,
        }[self.design]


@dataclass(frozen=True)
class Rows:
    """What one trained network says of its test images."""

    configuration: int
    unit: int  # which seed, repeat or fold
    labels: np.ndarray  # (n,)
    probabilities: np.ndarray  # (n, classes)
    groups: np.ndarray  # (n,)
    luck: float  # standard deviations above the configuration's mean skill


class Images:
    """A collection of images in groups."""

    def __init__(self, world: World, groups: int, rng: np.random.Generator) -> None:
        self.groups = np.repeat(np.arange(groups), rng.choice(world.sizes, size=groups))
        self.labels = rng.choice(world.classes, size=groups, p=world.priors)[self.groups]
        of_group = rng.normal(size=(groups, world.classes))[self.groups]
        of_image = rng.normal(size=of_group.shape)
        self.hard = np.sqrt(_OF_GROUP) * of_group + np.sqrt(1 - _OF_GROUP) * of_image

    def seen_by_configuration(self, rng: np.random.Generator) -> np.ndarray:
        """(n, classes), the part of the scores that all trainings of a configuration share."""
        own = rng.normal(size=self.hard.shape)
        return np.asarray(np.sqrt(OF_IMAGES) * self.hard + np.sqrt(OF_CONFIGURATION) * own)


def divided(world: World, groups: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """For each seed, repeat or fold, the positions of the images that it tests."""
    number = int(groups.max()) + 1
    if world.design == "folds":
        fold = rng.permutation(np.arange(number) % world.count)
        return [np.flatnonzero(fold[groups] == one) for one in range(world.count)]
    if world.design == "repeats":
        parts = [rng.permutation(number)[: world.groups] for _ in range(world.count)]
        return [np.flatnonzero(np.isin(groups, part)) for part in parts]
    return [np.arange(len(groups))] * world.count


def experiment(world: World, rng: np.random.Generator) -> list[Rows]:
    """All trained networks of one run, configuration by configuration."""
    images = Images(world, world.collection, rng)
    parts = divided(world, images.groups, rng)
    luck = lucks(len(world.skills), world.count, rng)
    found = []
    for configuration, skill in enumerate(world.skills):
        own = images.seen_by_configuration(rng)
        for unit, part in enumerate(parts):
            ability = skill + world.training * float(luck[configuration, unit])
            labels = images.labels[part]
            shares = probabilities(world, own[part], labels, ability, rng)
            lucky = float(luck[configuration, unit])
            found.append(Rows(configuration, unit, labels, shares, images.groups[part], lucky))
    return found


def lucks(configurations: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """(configurations, units), standard normal, correlated within a block."""
    blocks = -(-configurations // MEMBERS)
    shared = np.repeat(rng.normal(size=(blocks, units)), MEMBERS, axis=0)[:configurations]
    own = rng.normal(size=shared.shape)
    return np.asarray(np.sqrt(_RELATED) * shared + np.sqrt(1 - _RELATED) * own)


def population(
    world: World, skill: float, lucky: np.ndarray, rng: np.random.Generator
) -> Iterator[Rows]:
    """Very many images as trainings of each luck in `lucky` see them."""
    images = Images(world, _POPULATION, rng)
    own = images.seen_by_configuration(rng)
    for luck in lucky:
        ability = skill + world.training * float(luck)
        shares = probabilities(world, own, images.labels, ability, rng)
        yield Rows(0, 0, images.labels, shares, images.groups, float(luck))


def probabilities(
    world: World, own: np.ndarray, labels: np.ndarray, skill: float, rng: np.random.Generator
) -> np.ndarray:
    """Of the classes given the scores: Bayes' rule, then `sharpness`."""
    scores = own + np.sqrt(1 - OF_IMAGES - OF_CONFIGURATION) * rng.normal(size=own.shape)
    scores[np.arange(len(labels)), labels] += skill
    logits = world.sharpness * (skill * scores + np.log(world.priors))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
