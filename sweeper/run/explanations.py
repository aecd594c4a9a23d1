"""Explain champions: choose test images, compute their attribution maps, and store them.

The artifact is `explanations` (attributions.parquet): a row for each chosen image, explained class,
method and baseline. Only maps that converged are kept; the rows of others say that they did not, or
that there was no time for them. A method that does not apply to the network has no rows.
"""

from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from datasets.shards import read_images
from sweeper.plan.artifacts import ExplanationSettings, explanation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champions import champion_network
from sweeper.run.examples import choose_examples
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import read_predictions
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store
from trainables.device import assigned_device
from trainables.explain import METHODS, Attribution, Method, Options, Score

_WEBP_QUALITY = 80
_KEPT = ["image_id", "copy", "label", "predicted", "chosen"]


def explain_champion(
    spec: TrialSpec, settings: ExplanationSettings, seconds: float | None = None
) -> Iterator[int]:
    """Compute and store the maps of a champion's examples, unless another run on the same store
    has done so meanwhile. Yields 1 after each map.

    `seconds`: what is not complete by then is left out.
    """
    store, device, target = Store(spec.store), assigned_device(), explanation(spec, settings)
    if store.find(*target.place):
        return
    parts = TrialParts(spec, store)
    examples = _records(_examples(store, spec, settings))
    wanted = [(example["image_id"], example["copy"]) for example in examples]
    images = read_images(parts.shards, store.filesystem, wanted)
    network = Score(champion_network(parts), settings.score).to(device)
    until = time.perf_counter() + (math.inf if seconds is None else seconds)
    applied = applicable(network, settings.methods, images.shape[1])
    rows: list[dict[str, Any]] = []
    for number, label, name, baseline in _asked(examples, settings):
        if method := applied.get(name):
            example, image = examples[number], images[number]
            options = Options(
                baseline or settings.baselines[0],
                settings.max_steps,
                settings.random_baselines,
                noise_seed(example["image_id"], example["copy"]),
                device,
                until,
            )
            found = _attribution(network, method, image, label, options)
            rows.append(_row(example, image, found, label, name, baseline))
        yield 1
    with store.writing(*target.content) as folder:
        frame = pd.DataFrame(rows)
        store.write_file(f"{folder}/attributions.parquet", parquet_bytes(frame))


def applicable(network: Score, names: Sequence[str], side: int) -> dict[str, Method]:
    """The methods that have maps of this network."""
    methods = {name: METHODS[name] for name in names}
    return {name: one for name, one in methods.items() if not one.refusal(network, side)}


def noise_seed(image_id: str, copy: int) -> int:
    """The seed of an image's random baselines."""
    return int.from_bytes(hashlib.sha256(f"{image_id}{copy}".encode()).digest()[:6], "big")


def count_maps(store: Store, spec: TrialSpec, settings: ExplanationSettings) -> int:
    """How many maps of an evaluated champion are asked for, if every method applies."""
    return len(_asked(_records(_examples(store, spec, settings)), settings))


def _examples(store: Store, spec: TrialSpec, settings: ExplanationSettings) -> pd.DataFrame:
    predictions = read_predictions(store, spec)
    return choose_examples(predictions, settings.examples, settings.per_class)


def _asked(
    examples: Sequence[dict[str, Any]], settings: ExplanationSettings
) -> list[tuple[int, int, str, str]]:
    """(number of the example, class, method, baseline) of each map, in the order of their
    importance.

    First all methods of one example, the predicted class before the true class of a mistake, then
    those of the next; at last the further baselines.
    """
    asked = []
    for number, example in enumerate(examples):
        for label in dict.fromkeys((int(example["predicted"]), int(example["label"]))):
            for place, name, baseline in _voices(settings):
                if METHODS[name].is_of_class or label == example["predicted"]:
                    asked.append(
                        (place, number, label != example["predicted"], label, name, baseline)
                    )
    return [
        (number, label, name, baseline)
        for _, number, _, label, name, baseline in sorted(asked, key=lambda one: one[:3])
    ]


def _voices(settings: ExplanationSettings) -> Iterator[tuple[int, str, str]]:
    """(place of the baseline, method, baseline) of the maps of one class of an image."""
    for name in settings.methods:
        method = METHODS[name]
        baselines = settings.baselines if method.compares_baselines else settings.baselines[:1]
        for place, baseline in enumerate(baselines):
            yield place, name, baseline if method.has_baseline else ""


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _attribution(
    network: Score, method: Method, image: np.ndarray, label: int, options: Options
) -> Attribution | None:
    """The map of one class; None if there is no time for it."""
    if time.perf_counter() > options.until:
        return None
    found = method.attribute(network, image, label, options)
    was_cut = not found.converged and time.perf_counter() > options.until
    return None if was_cut else found


def _row(
    example: dict[str, Any],
    image: np.ndarray,
    attribution: Attribution | None,
    target: int,
    method: str,
    baseline: str,
) -> dict[str, Any]:
    """`attribution`: None where there was no time for it."""
    shown = attribution.map if attribution and attribution.converged else np.empty(0, np.float32)
    return {
        **{name: example[name] for name in _KEPT},
        "target": target,
        "probability": float(example["probabilities"][target]),
        "method": method,
        "baseline": baseline,
        "n_steps": attribution.steps if attribution else 0,
        "change": attribution.change if attribution else None,
        "delta": attribution.delta if attribution else None,
        "converged": bool(attribution and attribution.converged),
        "height": image.shape[0],
        "width": image.shape[1],
        "map": shown.ravel(),
        "image": _webp(image),
    }


def _webp(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=_WEBP_QUALITY)
    return buffer.getvalue()
