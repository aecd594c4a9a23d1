"""The list of all artifacts of a plan, each with the inputs and settings that make up its key.

Keys chain: images -> shards -> tables -> trials -> evaluations -> explanations, so everything that
determines a result is in its key, and nothing else is: no path, no host, no time. The key of a
trial is defined by `TrialSpec.made_from`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from datasets.augment import Augmentation
from datasets.corruptions import CORRUPTIONS_VERSION
from datasets.decoding.decode import DECODING_VERSION
from datasets.preprocess import PREPROCESS_VERSION, Preprocessing
from datasets.shards import SHARDS_VERSION
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.artifact import Target
from trainables.activations import TABLES_VERSION
from trainables.map_checks import MAP_CHECKS_VERSION
from trainables.registry import BackboneSpec, Weights
from trainables.versions import BACKBONES_VERSION, EXPLAIN_VERSION

CALIBRATION_IMAGES = 16
CHAMPIONS_VERSION = 1
PREDICTIONS_VERSION = 1


def shards(
    image_ids: Iterable[str],
    preprocessing: Preprocessing,
    copies: int = 0,
    augmentation: Augmentation | None = None,
) -> Target:
    """Every image preprocessed, with its augmented copies 1..K."""
    made_from: dict[str, Any] = {
        "versions": [SHARDS_VERSION, PREPROCESS_VERSION, DECODING_VERSION],
        "images": sorted(image_ids),
        **preprocessing.made_from,
        "copies": copies,
    }
    if copies and augmentation:
        made_from["augmentation"] = augmentation.made_from
    return Target("shards", made_from)


def backbone(
    spec: BackboneSpec, weights: Weights, preprocessing: Preprocessing, calibrated_on: str
) -> Target:
    """A backbone with its weights; one file serves every depth of fine-tuning, so `spec` is that of
    depth `last`. Random weights depend on the pictures that set their BatchNorm statistics. Raises
    WeightsError if a weights file is missing."""
    made_from: dict[str, Any] = {
        "version": BACKBONES_VERSION,
        "backbone": spec.timm_name,
        "suffix_from": spec.suffix_from,
        "weights": weights.identity(),
    }
    if weights.is_random:
        made_from["calibration"] = {
            "images": CALIBRATION_IMAGES,
            "scale": "root_mean_square",
            **preprocessing.made_from,
        }
        if calibrated_on:
            made_from["calibration"]["pictures"] = calibrated_on
    if spec.own_pooling:
        made_from["pooling"] = "model"
    if spec.built_for_size:
        made_from["built_for"] = spec.image_size
    return Target("backbones", made_from)


def table(kind: str, shards_key: str, backbone_key: str, settings: Mapping[str, Any]) -> Target:
    """An activation table; `settings`: the pooling of `pooled`; the dtype of `prefix`, and its cut
    where that is not the one of depth `last`."""
    made_from = {"version": TABLES_VERSION, "shards": shards_key, "backbone": backbone_key}
    return Target(kind, made_from | dict(settings))


def checkpoint(spec: TrialSpec, device_type: str) -> Target:
    """The state of a trial in progress on a type of device. It is not part of a plan: the trial
    removes it when it is over."""
    return Target("checkpoints", {"trial": spec.key, "device": device_type})


def evaluation(spec: TrialSpec) -> Target:
    """A champion's predictions of the test rows."""
    return Target(
        "evaluations", {"versions": [CHAMPIONS_VERSION, PREDICTIONS_VERSION], "trial": spec.key}
    )


def robustness(spec: TrialSpec, corruptions: Sequence[str]) -> Target:
    """A champion's predictions of its test images under corruptions."""
    made_from = {
        "versions": [CHAMPIONS_VERSION, PREDICTIONS_VERSION, CORRUPTIONS_VERSION],
        "evaluation": evaluation(spec).key,
        "shards": spec.shards_key,
        "corruptions": list(corruptions),
    }
    return Target("robustness", made_from)


@dataclass(frozen=True)
class ExplanationSettings:
    """How a champion is explained. `time_share` determines how many of its examples."""

    examples: int
    per_class: int
    methods: Sequence[str]
    score: str
    baselines: Sequence[str]
    random_baselines: int
    max_steps: int
    time_share: float | None


def explanation(spec: TrialSpec, settings: ExplanationSettings) -> Target:
    """Attribution maps of a champion's examples."""
    made_from = {
        "versions": [CHAMPIONS_VERSION, EXPLAIN_VERSION],
        "evaluation": evaluation(spec).key,
        "shards": spec.shards_key,
        **asdict(settings),
    }
    return Target("explanations", made_from)


@dataclass(frozen=True)
class CheckSettings:
    """How the maps of a champion are checked. `time_share` determines on how many images."""

    images: int
    methods: Sequence[str]
    score: str
    baselines: Sequence[str]
    random_baselines: int
    time_share: float | None


def map_checks(spec: TrialSpec, settings: CheckSettings) -> Target:
    """Checks of a champion's attribution maps."""
    return Target("map_checks", _checked(settings) | {"evaluation": evaluation(spec).key})


def seed_agreement(spec: TrialSpec, other: TrialSpec, settings: CheckSettings) -> Target:
    """How alike a champion's maps are to those of the same cell's champion with another seed."""
    made_from = {"evaluation": evaluation(spec).key, "other": evaluation(other).key}
    return Target("seed_agreements", _checked(settings) | {"shards": spec.shards_key, **made_from})


def _checked(settings: CheckSettings) -> dict[str, Any]:
    return {
        "versions": [CHAMPIONS_VERSION, EXPLAIN_VERSION, MAP_CHECKS_VERSION],
        **asdict(settings),
    }
