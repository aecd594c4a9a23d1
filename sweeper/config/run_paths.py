"""Where the relative paths of a run's config start: at the folder that the run was started in.

`run.json` keeps that folder, and how it is reached from the run's. So the commands that go on with
a run find its store and images from any working directory, and still do once the run's folder has
been moved, alone or together with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.config.schema import Config
from sweeper.store.address import is_remote
from trainables.registry import Weights


def started_in(out: Path) -> dict[str, str]:
    """What run.json keeps of a run that writes to `out`."""
    here = Path.cwd()
    return {"working_directory": str(here), "from_run": os.path.relpath(here, out.resolve())}


def with_paths_of(config: Config, about: Mapping[str, Any], folder: Path) -> Config:
    """The config with the paths that it had in the run, now in `folder`; unchanged where run.json,
    `about`, does not say where they started. Raises KeyError, TypeError for another run.json."""
    if "paths" not in about:
        return config
    started = Path(about["paths"]["working_directory"])
    moved = folder.resolve() / about["paths"]["from_run"]

    def place(text: str) -> str:
        first = started / Path(text).expanduser()
        if first.exists():
            return str(first)
        second = os.path.normpath(moved / os.path.relpath(first, started))
        return second if os.path.exists(second) else str(first)

    values = config.model_dump(mode="json", exclude_unset=True)
    if not is_remote(config.store):
        values["store"] = place(config.store)
    if config.data.path:
        values["data"]["path"] = place(config.data.path)
    if config.data.group_by and config.data.group_by.lower().endswith(".csv"):
        values["data"]["group_by"] = place(config.data.group_by)
    if config.split.file:
        values["split"]["file"] = place(config.split.file)
    values["weights"] = {name: _weights(text, place) for name, text in config.weights.items()}
    return Config.model_validate(values)


def _weights(text: str, place: Any) -> str:
    weights = Weights.parse(text)
    if weights.is_hub or weights.is_random:
        return text
    source, mark, arguments = text.partition("?")
    return f"{place(source)}{mark}{arguments}"
