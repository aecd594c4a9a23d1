"""Check the attribution maps of a champion on some of its test images, and store the results.

The artifact is `map_checks`, and `seed_agreements` for each champion of the same cell with another
seed (checks.parquet): a row for each image, method and comparison. Work is in the order of what it
tells: whether the maps depend on the weights at all comes first, on every image. What there is no
time for is left out, so that numbers rest on fewer images.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pandas as pd

from sweeper.plan.artifacts import CheckSettings, map_checks, seed_agreement
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champion_tables import CHECKS
from sweeper.run.checked_maps import CHECK_COLUMNS, CheckedMaps, chosen_images
from sweeper.store.artifact import Target
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store


def check_champion(
    spec: TrialSpec,
    siblings: Mapping[str, Sequence[TrialSpec]],
    settings: CheckSettings,
    seconds: float | None = None,
) -> Iterator[int]:
    """Check the maps of a champion, and compare them with those of its `siblings`, by its key;
    unless another run on the same store has done so meanwhile. Yields 1 after each check of an
    image, done or left out.

    `seconds`: what is not complete by then is left out.
    """
    store = Store(spec.store)
    until = time.perf_counter() + (math.inf if seconds is None else seconds)
    checked = CheckedMaps(spec, store, settings, until)
    target = map_checks(spec, settings)
    if not store.find(*target.place):
        yield from _stored(store, target, checked, checked.steps)
    for other in siblings.get(spec.key, ()):
        target = seed_agreement(spec, other, settings)
        if not store.find(*target.place):
            steps = [partial(checked.compare_seed, other)]
            yield from _stored(store, target, checked, [checked.map, *steps])


def count_checks(
    store: Store,
    spec: TrialSpec,
    siblings: Mapping[str, Sequence[TrialSpec]],
    settings: CheckSettings,
) -> int:
    """How many checks of images are missing for an evaluated champion."""
    steps = 0 if store.find(*map_checks(spec, settings).place) else len(CheckedMaps.STEPS)
    for other in siblings.get(spec.key, ()):
        steps += 0 if store.find(*seed_agreement(spec, other, settings).place) else 2
    return steps * len(chosen_images(store, spec, settings))


def _stored(
    store: Store, target: Target, checked: CheckedMaps, steps: Sequence[Callable[[int], None]]
) -> Iterator[int]:
    checked.rows = []
    for step in steps:
        for number in range(len(checked.images)):
            if time.perf_counter() < checked.until:
                step(number)
            yield 1
    with store.writing(*target.content) as folder:
        frame = pd.DataFrame(checked.with_references(), columns=list(CHECK_COLUMNS))
        store.write_file(f"{folder}/{CHECKS}", parquet_bytes(frame))
