"""What is checked of a champion's attribution maps, image by image."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np
import torch

from datasets.shards import read_images
from sweeper.plan.artifacts import CheckSettings
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champions import champion_network
from sweeper.run.examples import choose_examples
from sweeper.run.explanations import applicable, noise_seed
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import read_predictions
from sweeper.store.store import Store
from trainables.device import assigned_device
from trainables.explain import METHODS, Method, Options, Score
from trainables.explain.baselines import as_pixels, baselines_of
from trainables.map_checks import MAX_STEPS
from trainables.map_checks.faithfulness import REFERENCES, reference_map, subject_of
from trainables.map_checks.randomisation import STAGES, WHOLE, shuffled
from trainables.map_checks.sensitivity import max_sensitivity
from trainables.map_checks.similarity import Ranked

CHECK_COLUMNS = ("image_id", "method", "check", "against", "value", "reference")
SIMILARITIES = frozenset(
    f"{name}_signed" for name in ("randomisation", "methods", "baselines", "seeds")
)

Row = dict[str, Any]


def chosen_images(store: Store, spec: TrialSpec, settings: CheckSettings) -> list[Row]:
    """The test images that the checks rest on, each once, spread like those that are explained."""
    predictions = read_predictions(store, spec).sort_values(["image_id", "copy"])
    distinct = predictions.drop_duplicates("image_id")
    found = choose_examples(distinct, settings.images).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in found]


@dataclass
class CheckedMaps:
    """One champion, its images, and what was found. A step checks one image, by its number."""

    spec: TrialSpec
    store: Store
    settings: CheckSettings
    until: float
    rows: list[Row] = field(default_factory=list)
    maps: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)

    @property
    def steps(self) -> list[Callable[[int], None]]:
        return [partial(step, self) for step in self.STEPS]

    @cached_property
    def chosen(self) -> list[Row]:
        return chosen_images(self.store, self.spec, self.settings)

    @cached_property
    def images(self) -> np.ndarray:
        """(n, N, N, 3) uint8."""
        wanted = [(one["image_id"], one["copy"]) for one in self.chosen]
        return read_images(self._parts.shards, self.store.filesystem, wanted)

    @cached_property
    def _parts(self) -> TrialParts:
        return TrialParts(self.spec, self.store)

    @cached_property
    def _device(self) -> torch.device:
        return assigned_device()

    @cached_property
    def _score(self) -> Score:
        return Score(champion_network(self._parts), self.settings.score).to(self._device)

    @cached_property
    def _probability(self) -> Score:
        return Score(self._score.network, "probability")

    @cached_property
    def _methods(self) -> dict[str, Method]:
        return applicable(self._score, self.settings.methods, self.images.shape[1])

    @cached_property
    def _pixels(self) -> torch.Tensor:
        return torch.cat([as_pixels(image) for image in self.images]).to(self._device)

    @cached_property
    def _ranked(self) -> dict[tuple[str, int], Ranked]:
        return {}

    # --- steps ---------------------------------------------------------------------------------

    def map(self, number: int) -> None:
        """The maps of the trained network, which the others are compared with."""
        for name in self._methods:
            if (name, number) not in self.maps:
                found = self._map(self._score, name, number)
                if found is not None:
                    self.maps[name, number] = found
                    self._ranked[name, number] = Ranked(found)

    def shuffle_whole(self, number: int) -> None:
        """Cascading randomisation, at its end; right after the image's own maps, so that as many
        images as there is time for have both."""
        self.map(number)
        self._shuffle(number, [WHOLE])

    def shuffle_parts(self, number: int) -> None:
        """The stages on the way there."""
        self._shuffle(number, STAGES[:-1])

    def follow_score(self, number: int) -> None:
        """Deletion, insertion and infidelity, against maps that know nothing of the network."""
        image, options = self.images[number], self._options(number)
        start = self._baseline(number)
        target = int(self.chosen[number]["predicted"])
        subject = subject_of(self._probability, self._score, image, start, target, options.seed)

        def measured(values: np.ndarray) -> dict[str, float]:
            deletion, insertion = subject.deletion_and_insertion(values)
            found = {"deletion": deletion, "insertion": insertion}
            return {**found, "infidelity": subject.infidelity(values)}

        references = {
            name: measured(reference_map(name, image, options.seed)) for name in REFERENCES
        }
        for method in self._own(number):
            for check, value in measured(self.maps[method, number]).items():
                for name, found in references.items():
                    self._add(number, method, check, name, value, found[check])

    def agree(self, number: int) -> None:
        """Agreement between methods, and between baselines of one method."""
        own = self._own(number)
        for method in own[1:]:
            self._compare(number, method, "methods", own[0], self.maps[own[0], number])
        for method in own:
            if METHODS[method].compares_baselines:
                for baseline in self.settings.baselines[1:]:
                    found = self._map(self._score, method, number, baseline)
                    self._compare(number, method, "baselines", baseline, found)

    def disturb(self, number: int) -> None:
        """Max-sensitivity."""
        image, options = self.images[number], self._options(number)
        target = int(self.chosen[number]["predicted"])
        for method in self._own(number):
            if time.perf_counter() < self.until:
                value = max_sensitivity(METHODS[method], self._score, image, target, options)
                if time.perf_counter() < self.until and math.isfinite(value):
                    self._add(number, method, "max_sensitivity", "", value, None)

    def compare_seed(self, other: TrialSpec, number: int) -> None:
        """Agreement with the same configuration, trained with another seed."""
        if other.key not in self._others:
            network = champion_network(TrialParts(other, self.store))
            self._others[other.key] = Score(network, self.settings.score).to(self._device)
        for method in self._own(number):
            found = self._map(self._others[other.key], method, number)
            self._compare(number, method, "seeds", str(other.seed), found)

    @cached_property
    def _others(self) -> dict[str, Score]:
        return {}

    STEPS: ClassVar = (shuffle_whole, follow_score, agree, shuffle_parts, disturb)
    """In the order in which they are run."""

    # --- what steps have in common -------------------------------------------------------------

    def _shuffle(self, number: int, stages: Sequence[str]) -> None:
        own = self._own(number)
        if not own or len(self.images) < 2:
            return
        seed = self._options(number).seed
        for stage, network in shuffled(self._score, self._pixels, seed, stages):
            for method in own:
                found = self._map(network, method, number)
                self._compare(number, method, "randomisation", stage, found)

    def _own(self, number: int) -> list[str]:
        """The methods with a map of this image."""
        return [name for name in self._methods if (name, number) in self.maps]

    def _options(self, number: int, baseline: str = "") -> Options:
        one = self.chosen[number]
        return Options(
            baseline or self.settings.baselines[0],
            MAX_STEPS,
            self.settings.random_baselines,
            noise_seed(one["image_id"], one["copy"]),
            self._device,
            self.until,
        )

    def _baseline(self, number: int) -> torch.Tensor:
        options = self._options(number)
        found = baselines_of(options.baseline, self.images[number], 1, options.seed)
        return found[0].to(self._device)

    def _map(
        self, network: torch.nn.Module, method: str, number: int, baseline: str = ""
    ) -> np.ndarray | None:
        """None if it was cut short for lack of time, or is not finite."""
        if time.perf_counter() > self.until:
            return None
        assert isinstance(network, Score)
        options = self._options(number, baseline)
        target = int(self.chosen[number]["predicted"])
        found = METHODS[method].attribute(network, self.images[number], target, options)
        was_cut = not found.converged and time.perf_counter() > self.until
        return None if was_cut or not np.isfinite(found.map).all() else found.map

    def _compare(
        self, number: int, method: str, check: str, against: str, other: np.ndarray | None
    ) -> None:
        """A row with the similarity of the trained network's map with another one."""
        if other is not None:
            own, ranked = self._ranked[method, number], Ranked(other)
            self._add(number, method, check, against, own.without_sign(ranked), None)
            signed = f"{check}_signed"
            self._add(number, method, signed, against, own.with_sign(ranked), None)

    def _add(
        self,
        number: int,
        method: str,
        check: str,
        against: str,
        value: float,
        reference: float | None,
    ) -> None:
        image_id = self.chosen[number]["image_id"]
        values = (image_id, method, check, against, value, reference)
        self.rows.append(dict(zip(CHECK_COLUMNS, values, strict=True)))

    def with_references(self) -> list[Row]:
        """The rows; the reference of a similarity is that of maps of two different images."""
        pairs = {
            (method, self.chosen[number]["image_id"], is_signed): self._pair(
                method, number, is_signed
            )
            for method, number in self.maps
            for is_signed in (False, True)
        }
        return [
            row
            if row["reference"] is not None or row["check"] == "max_sensitivity"
            else row
            | {"reference": pairs[row["method"], row["image_id"], row["check"].endswith("_signed")]}
            for row in self.rows
        ]

    def _pair(self, method: str, number: int, is_signed: bool) -> float | None:
        """The median similarity of a map with those of other images: near copies do not move it."""
        own = self._ranked[method, number]
        compare = own.with_sign if is_signed else own.without_sign
        others = [
            compare(ranked)
            for (name, other), ranked in self._ranked.items()
            if name == method and other != number
        ]
        return float(np.median(others)) if others else None
