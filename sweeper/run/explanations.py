"""Explain champions: choose test images, compute their attribution maps, and store them.

The artifact is `explanations` (attributions.parquet): a row for each chosen image, explained class
and baseline. Only maps that converged are kept; the rows of others say that they did not, or that
there was no time for them.
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
import torch
from PIL import Image

from datasets.shards import read_images
from sweeper.plan.artifacts import ExplanationSettings, explanation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champions import champion_network
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import read_predictions
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store
from trainables.device import assigned_device
from trainables.explain import Attribution, Score, attribute

_WEBP_QUALITY = 80
_KEPT = ["image_id", "copy", "label", "predicted", "chosen"]


def explain_champion(
    spec: TrialSpec, settings: ExplanationSettings, seconds: float | None = None
) -> Iterator[int]:
    """Compute and store Integrated Gradients of a champion's examples, unless another run on the
    same store has done so meanwhile. Yields 1 after each map.

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
    rows: list[dict[str, Any]] = []
    for number, label, baseline in _asked(examples, settings):
        example, image = examples[number], images[number]
        found = _attribution(network, example, image, label, baseline, settings, device, until)
        rows.append(_row(example, image, found, label, baseline))
        yield 1
    with store.writing(*target.content) as folder:
        frame = pd.DataFrame(rows)
        store.write_file(f"{folder}/attributions.parquet", parquet_bytes(frame))


def count_maps(store: Store, spec: TrialSpec, settings: ExplanationSettings) -> int:
    """How many maps of an evaluated champion are asked for."""
    return len(_asked(_records(_examples(store, spec, settings)), settings))


def _examples(store: Store, spec: TrialSpec, settings: ExplanationSettings) -> pd.DataFrame:
    predictions = read_predictions(store, spec)
    return choose_examples(predictions, settings.examples, settings.per_class)


def _asked(
    examples: Sequence[dict[str, Any]], settings: ExplanationSettings
) -> list[tuple[int, int, str]]:
    """(number of the example, class, baseline) of each map, in the order of their importance.

    With the first baseline, the predicted class of every example, then the true class of every
    mistake; then the same with the next baseline.
    """
    asked = []
    for place, baseline in enumerate(settings.baselines):
        for number, example in enumerate(examples):
            for label in dict.fromkeys((int(example["predicted"]), int(example["label"]))):
                asked.append((place, label != example["predicted"], number, label, baseline))
    return [one[2:] for one in sorted(asked)]


def choose_examples(predictions: pd.DataFrame, count: int, per_class: int = 0) -> pd.DataFrame:
    """The test rows that are explained, the most important first, with the reason in `chosen`.

    Of each class, correct rows in order of typicality (a confidence close to the median of the
    class's correct rows) and misclassified rows in order of confidence. First up to `count` of
    them, half of these misclassified, no class twice while another has one left; then up to
    `per_class` of either kind of each class, without those already chosen.
    """
    sure = predictions.assign(confidence=predictions["probabilities"].map(max))
    right = sure["label"] == sure["predicted"]
    median = sure[right].groupby("label")["confidence"].median()
    sure["chosen"] = np.where(right, "typical of the correct ones", "surest mistake")
    distance = (sure["confidence"] - sure["label"].map(median)).abs()
    sure["place"] = distance.where(right, -sure["confidence"])
    sure = sure.sort_values(["place", "image_id", "copy"])
    right = sure["label"] == sure["predicted"]
    wrong = _spread(sure[~right])[: count // 2]
    chosen = wrong + _spread(sure[right])[: count - len(wrong)]
    rest = [i for i in _spread(sure[~right]) if i not in chosen]
    chosen += rest[: count - len(chosen)]
    of_class = list(sure.groupby([right, "label"]).head(per_class).index)
    return sure.loc[chosen + [i for i in of_class if i not in chosen]]


def _spread(rows: pd.DataFrame) -> list[Any]:
    """The index of the rows in turn: one of each class before a second of any."""
    turn = rows.groupby("label").cumcount()
    return list(rows.assign(turn=turn).sort_values("turn", kind="stable").index)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _attribution(
    network: torch.nn.Module,
    example: dict[str, Any],
    image: np.ndarray,
    label: int,
    baseline: str,
    settings: ExplanationSettings,
    device: torch.device,
    until: float,
) -> Attribution | None:
    """The map of one class; None if there is no time for it."""
    if time.perf_counter() > until:
        return None
    name = f"{example['image_id']}{example['copy']}"
    found = attribute(
        network,
        image,
        label,
        baseline=baseline,
        max_steps=settings.max_steps,
        random_baselines=settings.random_baselines,
        seed=int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big"),
        device=device,
        until=until,
    )
    was_cut = not found.converged and time.perf_counter() > until
    return None if was_cut else found


def _row(
    example: dict[str, Any],
    image: np.ndarray,
    attribution: Attribution | None,
    target: int,
    baseline: str,
) -> dict[str, Any]:
    """`attribution`: None where there was no time for it."""
    shown = attribution.map if attribution and attribution.converged else np.empty(0, np.float32)
    return {
        **{name: example[name] for name in _KEPT},
        "target": target,
        "probability": float(example["probabilities"][target]),
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
