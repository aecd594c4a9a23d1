"""Read a finished run's folder, for the commands that use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datasets.preprocess import Preprocessing
from sweeper.config.backbones import preprocessing_of
from sweeper.config.earlier import in_present_keys
from sweeper.config.run_paths import with_paths_of
from sweeper.config.schema import Config
from sweeper.errors import StoreError


@dataclass(frozen=True)
class FinishedRun:
    """A run's folder, its `about` (run.json), and its config with paths resolved."""

    folder: Path
    about: dict[str, Any]
    config: Config

    @property
    def command(self) -> str:
        """The command that created the run."""
        return str(self.about.get("command", ""))

    def preprocessing(self, backbone: str) -> Preprocessing:
        """What was done to the images of a backbone: as recorded, since timm may change what it
        says of its weights; runs of earlier versions had one preprocessing for all sizes."""
        about = self.about.get("backbones", {}).get(backbone, {})
        if "preprocessing" in about:
            return Preprocessing.of(about["preprocessing"])
        return preprocessing_of(self.config, backbone)


def read_run(folder: Path) -> FinishedRun:
    """Read the run in a folder. Raises StoreError if there is none."""
    try:
        about = json.loads((folder / "results" / "run.json").read_text(encoding="utf-8"))
        config = with_paths_of(
            Config.model_validate(in_present_keys(about["config"])), about, folder
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = "; it is from another version" if isinstance(error, ValidationError) else ""
        raise StoreError(f"run '{folder}': no results/run.json of a run in it{why}") from None
    return FinishedRun(folder, about, config)
