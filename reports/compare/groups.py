"""The runs that are compared. Those that differ in their seeds only are repeats of one
configuration and make one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from reports.run import Run

Row = dict[str, Any]

SEEDS = ("grid.seeds", "split.seed")
"""The keys in which repeats of one configuration may differ."""

_NO_MATTER = ("name", "store", "resources", "compare", "explain", "tracking", "data.path")
"""Keys that change no training, or whose effect the images themselves show."""


@dataclass(frozen=True)
class NamedRun:
    """A run and what the reader calls it."""

    name: str
    run: Run

    @cached_property
    def settings(self) -> dict[str, str]:
        """The configuration: dotted key -> value as text."""
        return flat(self.run.info.get("config", {}))

    @cached_property
    def images(self) -> dict[str, str]:
        """The usable images: image_id -> class."""
        frame = self.run.tables["images"]
        frame = frame[frame["problem"] == ""]
        return dict(zip(frame["image_id"], frame["class"], strict=True))

    @cached_property
    def groups(self) -> frozenset[tuple[str, str]]:
        frame: pd.DataFrame = self.run.tables["images"]
        return frozenset(zip(frame["image_id"], frame["group"], strict=True))

    @property
    def split_seed(self) -> str:
        return self.settings.get("split.seed", "")

    def is_repeat_of(self, other: NamedRun) -> bool:
        """Whether both trained the same configuration on the same images."""
        return (
            _of_training(self.settings) == _of_training(other.settings)
            and self.images == other.images
            and self.groups == other.groups
        )


@dataclass(frozen=True)
class Group:
    """One configuration, run once or several times. `letter`: A, B, ..."""

    letter: str
    runs: list[NamedRun] = field(default_factory=list)

    @property
    def first(self) -> NamedRun:
        return self.runs[0]

    @property
    def title(self) -> str:
        """'A = demo, demo-2'."""
        return f"{self.letter} = {', '.join(one.name for one in self.runs)}"


def grouped(runs: Sequence[NamedRun]) -> list[Group]:
    """The runs in their order, repeats together; the first group is the reference."""
    found: list[Group] = []
    for run in runs:
        own = next((one for one in found if run.is_repeat_of(one.first)), None)
        if own is None:
            own = Group(_letter(len(found)))
            found.append(own)
        own.runs.append(run)
    return found


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted keys; lists and scalars as text, an absent value as an empty one.

    >>> flat({"grid": {"seeds": [0, 1]}, "name": None})
    {'grid.seeds': '[0, 1]', 'name': ''}
    """
    found: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = _text(value)
    return found


def _of_training(settings: Mapping[str, str]) -> dict[str, str]:
    return {
        key: value
        for key, value in settings.items()
        if key not in SEEDS and not any(f"{key}.".startswith(f"{one}.") for one in _NO_MATTER)
    }


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_text(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(one)}' for key, one in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _letter(number: int) -> str:
    """A to Z, then A2 and so on."""
    round_, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(round_ + 1) if round_ else "")
