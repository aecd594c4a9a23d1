"""Resolve the relative paths of a run's config against the folder that the run was started in.

`run.json` records that folder, absolute and relative to the run's folder. So commands on a run find
its store and images from any working directory, even after the run's folder has been moved, alone
or together with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeper.config.schema import Config, DataSection
from sweeper.store.address import is_remote
from trainables.registry import Weights


def started_in(out: Path) -> dict[str, str]:
    """The entry of run.json for a run that writes to `out`."""
    current = Path.cwd()
    return {"working_directory": str(current), "from_run": os.path.relpath(current, out.resolve())}


def with_paths_of(config: Config, about: Mapping[str, Any], folder: Path) -> Config:
    """The config with its paths resolved, for a run now in `folder`.

    Unchanged if `about` (run.json) does not record the working directory. Raises KeyError or
    TypeError if it is not a valid run.json.
    """
    if "paths" not in about:
        return config
    started = Path(about["paths"]["working_directory"])
    moved = folder.resolve() / about["paths"]["from_run"]

    def resolve(text: str) -> str:
        original = started / Path(text).expanduser()
        if original.exists():
            return str(original)
        relocated = os.path.normpath(moved / os.path.relpath(original, started))
        return relocated if os.path.exists(relocated) else str(original)

    values = config.model_dump(mode="json", exclude_unset=True)
    if not is_remote(config.store):
        values["store"] = resolve(config.store)
    _resolve_images(config.data, values.get("data", {}), resolve)
    for name, one in config.test_sets.items():
        _resolve_images(one, values["test_sets"][name], resolve)
    if config.split.file:
        values["split"]["file"] = resolve(config.split.file)
    if config.explain.masks:
        values["explain"]["masks"] = resolve(config.explain.masks)
    values["weights"] = {name: _weights(text, resolve) for name, text in config.weights.items()}
    return Config.model_validate(values)


def _resolve_images(
    data: DataSection, values: dict[str, Any], resolve: Callable[[str], str]
) -> None:
    """Resolve the paths of the images in `values`, the section as a dictionary."""
    if data.path and not is_remote(data.path):
        values["path"] = resolve(data.path)
    if data.labels:
        values["labels"] = resolve(data.labels)
    if data.group_by and data.group_by.lower().endswith(".csv"):
        values["group_by"] = resolve(data.group_by)


def _weights(text: str, resolve: Any) -> str:
    weights = Weights.parse(text)
    if weights.is_hub or weights.is_random:
        return text
    source, mark, arguments = text.partition("?")
    return f"{resolve(source)}{mark}{arguments}"
