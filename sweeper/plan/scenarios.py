"""The classes of each scenario, spelled as the data spells them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from datasets.errors import DataError
from datasets.layout.class_names import class_key, tidy_name
from sweeper.config.schema import ALL_CLASSES


def resolve_scenarios(
    wanted: Sequence[str], scenarios: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> dict[str, list[str]]:
    """The classes of each wanted scenario, spelled as the data spells them.

    A class is meant by its exact name, or else by another spelling of it (see `class_key`).
    Raises DataError for a class the data does not have, for a spelling that fits several, or for
    fewer than two classes.
    """
    resolved = {}
    for scenario in wanted:
        names = list(classes) if scenario == ALL_CLASSES else list(scenarios[scenario])
        spelled = [_class_of(f"scenario '{scenario}'", name, classes) for name in names]
        resolved[scenario] = list(dict.fromkeys(spelled))
        if len(resolved[scenario]) < 2:
            raise DataError(f"scenario '{scenario}': a classifier needs at least two classes")
    return resolved


def resolve_prevalence(prevalence: Mapping[str, float], classes: Sequence[str]) -> dict[str, float]:
    """The stated prevalence of classes, spelled as the data spells them. Raises DataError."""
    return {_class_of("prevalence", name, classes): share for name, share in prevalence.items()}


def _class_of(where: str, name: str, classes: Sequence[str]) -> str:
    if tidy_name(name) in classes:
        return tidy_name(name)
    alike = [one for one in classes if class_key(one) == class_key(name)]
    if not alike:
        raise DataError(_unknown_class(where, name, classes))
    if len(alike) > 1:
        raise DataError(f"{where}: '{name}' may be any of {', '.join(alike)}; give the exact name")
    return alike[0]


def _unknown_class(where: str, name: str, classes: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, classes, 1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return f"{where}: the data has no class '{name}'{hint}; its classes are {', '.join(classes)}"
