"""Describe a run's backbones: their weights, what these were trained on, and their size."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sweeper.plan.plan import Plan
from trainables.network_size import network_size
from trainables.timm_models import vintage


def describe_backbone(plan: Plan, name: str) -> dict[str, Any]:
    """The entry of `backbones` in run.json."""
    spec, weights = plan.tuned[name], plan.weights[name]
    size, known = network_size(spec, dict(weights.model_args)), vintage(spec.timm_name)
    note = f"{known.text}; license: {known.license}"
    if not weights.is_hub:
        note = "random weights: untrained features" if weights.is_random else "weights of a file"
    return {
        "timm_name": spec.timm_name,
        "weights": weights.label,
        "weights_note": note,
        "random": weights.is_random,
        "vintage": {**asdict(known), "text": known.text},
        "preprocessing": asdict(plan.preprocessing[name]),
        "pooling": plan.config.head.pooling,
        "suffix": spec.suffix_text,
        "feature_dim": size.feature_dim,
        "prefix_shape": list(size.prefix_shape),
        "parameters": size.parameters,
        "suffix_parameters": size.suffix_parameters,
        "gmacs": round(size.macs / 1e9, 3),
    }


def backbone_rows(plan: Plan) -> list[dict[str, Any]]:
    """The table `backbones`. Random weights, and those of a file, have no vintage that is known."""
    about = {name: describe_backbone(plan, name) for name in plan.config.grid.backbones}
    return [
        {
            "backbone": name,
            "model": one["timm_name"],
            "weights": one["weights"],
            "vintage": one["vintage"]["text"] if plan.weights[name].is_hub else None,
            "license": one["vintage"]["license"] if plan.weights[name].is_hub else None,
            "parameters": one["parameters"],
            "gmacs": one["gmacs"],
        }
        for name, one in about.items()
    ]
