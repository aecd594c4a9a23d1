"""The project's cluster.yaml as a user fills it in, with only what must differ laid over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
CLUSTER = HERE.parents[1] / "cluster.yaml"
INSTALLS = "venv"  # what the set-up lines that need the network have in common


def filled_in(images: str, bucket: str, config: str) -> dict[str, Any]:
    """cluster.yaml with the lines of a user who has images copied to the nodes."""
    text = CLUSTER.read_text(encoding="utf-8")
    for old, new in (
        ("# ~/sweeper-images: IMAGES", f"~/sweeper-images: {images}"),
        ("s3://BUCKET/images", "$HOME/sweeper-images"),
        ("//BUCKET/", f"//{bucket}/"),
        ("CONFIG=paper", f"CONFIG={config}"),
    ):
        if text.count(old) != 1:
            raise ValueError(f"cluster.yaml: {old!r} is there {text.count(old)} times, not once")
        text = text.replace(old, new)
    cluster: dict[str, Any] = yaml.safe_load(text)
    return cluster


def laid_over(cluster: dict[str, Any], name: str, environment: str) -> dict[str, Any]:
    """With overlay_<name>.yaml, and `environment` linked in place of what installs one."""
    overlay = yaml.safe_load((HERE / f"overlay_{name}.yaml").read_text(encoding="utf-8"))
    kept = [line for line in cluster["setup_commands"] if INSTALLS not in line]
    commands = [*kept, f"ln -sfn {environment} ~/venv"]
    laid = _merged(cluster, overlay) | {"setup_commands": commands}
    if name == "local":  # whose set-up Ray leaves out where it is not said for each kind of node
        laid |= {"head_setup_commands": commands, "worker_setup_commands": commands}
    return laid


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Mappings key by key, null taking a key away; anything else as `above` has it."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict) and value:
            merged[key] = _merged(merged[key], value)
        elif isinstance(value, dict):
            merged[key] = _merged({}, value)
        else:
            merged[key] = value
    return merged
