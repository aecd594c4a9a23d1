"""From the configured source to a manifest, its duplicates and the scenarios' classes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from datasets.duplicates import find_exact, with_groups
from datasets.errors import DataError
from datasets.manifest import build_manifest, check_problems, manifest_hash, usable
from datasets.sources import class_key, list_folder
from datasets.synthetic import SYNTHETIC_VERSION, write_synthetic
from sweeper.config import ALL_CLASSES, DataSection
from sweeper.store import Store, key_of


@dataclass(frozen=True)
class Collection:
    """The images of a run. `manifest` has every file, `images` those that can be used."""

    root: str
    manifest: pd.DataFrame
    images: pd.DataFrame
    duplicates: pd.DataFrame

    @property
    def classes(self) -> list[str]:
        return sorted(self.images["class"].unique())

    @property
    def hash(self) -> str:
        return manifest_hash(self.manifest)


def collect(data: DataSection, store: Store) -> Collection:
    """List, read and group the images. Raises DataError for what a user can mend."""
    root = data.path if data.source == "folder" else _synthetic(data, store)
    assert root is not None
    manifest = build_manifest(root, list_folder(root))
    check_problems(manifest, data.on_error)
    duplicates = find_exact(manifest)
    manifest = with_groups(manifest, duplicates)
    return Collection(root, manifest, usable(manifest), duplicates)


def _synthetic(data: DataSection, store: Store) -> str:
    """The folder of the drawn images: in a local store, where they are drawn once."""
    if "://" in store.address:
        raise DataError("data.source='synthetic': the drawn images need a local store folder")
    made_from = {"version": SYNTHETIC_VERSION, **data.synthetic.model_dump()}
    artifact = store.find("images", key_of(made_from))
    if artifact is None:
        options = data.synthetic
        with store.writing("images", made_from) as folder:
            write_synthetic(
                Path(folder), options.images_per_class, options.seed, options.duplicate_fraction
            )
        artifact = store.get("images", key_of(made_from))
    return artifact.folder


def resolve_scenarios(
    wanted: Sequence[str], scenarios: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> dict[str, list[str]]:
    """The classes of each wanted scenario, spelled as the data spells them (see `class_key`).

    Raises DataError for a class the data does not have, or for fewer than two classes.
    """
    spelling = {class_key(name): name for name in classes}
    resolved = {}
    for scenario in wanted:
        names = list(classes) if scenario == ALL_CLASSES else list(scenarios[scenario])
        unknown = [name for name in names if class_key(name) not in spelling]
        if unknown:
            raise DataError(_unknown_class(scenario, unknown[0], classes))
        resolved[scenario] = list(dict.fromkeys(spelling[class_key(name)] for name in names))
        if len(resolved[scenario]) < 2:
            raise DataError(f"scenario '{scenario}': a classifier needs at least two classes")
    return resolved


def _unknown_class(scenario: str, name: str, classes: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, classes, 1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return (
        f"scenario '{scenario}': the data has no class '{name}'{hint}; "
        f"its classes are {', '.join(classes)}"
    )
