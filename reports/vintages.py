"""What the weights of a run's backbones were trained on: differences between backbones are also
differences between these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.run import Run


def vintages(run: Run) -> str:
    """A sentence with the tag and data of each backbone's weights; "" where all are random or none
    is known."""
    known = {
        name: about
        for name in run.backbones
        if (about := run.info.get("backbones", {}).get(name)) and about.get("vintage")
    }
    if len(known) < 2 or all(about.get("random") for about in known.values()):
        return ""
    parts = [f"{name} {_text(about)}" for name, about in known.items()]
    return f"Backbones differ in their weights too (timm's tag: training data): {'; '.join(parts)}."


def vintage_of(run: Run, backbone: str) -> str:
    """Tag and data of a backbone's weights; "" where they are not known."""
    about = run.info.get("backbones", {}).get(backbone, {})
    return _text(about) if about.get("vintage") else ""


def _text(about: Mapping[str, Any]) -> str:
    if about.get("random"):
        return "random"
    if str(about["weights"]).startswith("file:"):
        return str(about["weights"])
    vintage = about["vintage"]
    return ": ".join(filter(None, (vintage["tag"], vintage["trained_on"])))
