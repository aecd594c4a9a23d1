"""Merge the tested cells of several runs, so that all of them are on one set of test groups.

A test image is the same one in two runs if its bytes are the same. What either run links into one
group is one group. So a resampled group is resampled in every run that tested it, and runs without
a common image are independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from reports.axes import AXES
from reports.compare.groups import Group, NamedRun
from reports.derived.tested import Tested, resampled, tested_cells

RUN = "run"
"""The column with the letter of a cell's group."""

_MATCHED = [one.name for axis in AXES for one in axis.implied if one.matched]
_OTHER_TRAINING = 1000  # added to the seed of a cell that an earlier run has with another result


def merged(groups: Sequence[Group]) -> Tested:
    """The done cells of all runs, each with its group's letter in the column `run`.

    Scenarios are matched by their classes. Values that an axis implies, such as the weights of a
    backbone, may differ between matched cells. A cell that a repeat shares with an earlier run
    (the same trained network) counts once.
    """
    images = _images(groups)
    names = _Names()
    parts = [
        _with_run(_tested(run, images, names), run, group.letter, names)
        for group in groups
        for run in group.runs
    ]
    cells = pd.concat([part.cells for part in parts], ignore_index=True)
    outcomes = [one for part in parts for one in part.outcomes]
    draws, count = resampled(outcomes)
    whole = Tested(
        cells.assign(**dict.fromkeys(_MATCHED, "")),
        outcomes,
        [rows for part in parts for rows in part.rows],
        {name: classes for part in parts for name, classes in part.classes.items()},
        count,
        draws,
        list(dict.fromkeys(name for part in parts for name in part.by_trust)),
        (RUN,),
    )
    return _with_ranked_seeds(_distinct(whole))


class _Names:
    """Names of scenarios, and numbers of divisions, that mean the same in all runs."""

    def __init__(self) -> None:
        self.scenarios: dict[frozenset[str], str] = {}
        self.divisions: dict[tuple[str, int], int] = {}

    def scenario(self, name: str, classes: Sequence[str]) -> str:
        """The common name of a scenario: that of the first one with its classes."""
        key = frozenset(classes) or frozenset([f"scenario {name}"])
        if key not in self.scenarios:
            taken = name in self.scenarios.values()
            self.scenarios[key] = f"{name} ({len(classes)} classes)" if taken else name
        return self.scenarios[key]

    def division(self, split_seed: str, repeat: int) -> int:
        """The number of a division: that of its repeat where its seed is the first one seen."""
        key = split_seed, repeat
        if key not in self.divisions:
            taken = set(self.divisions.values())
            free = repeat if repeat not in taken else max(taken) + 1
            self.divisions[key] = free
        return self.divisions[key]


def _tested(run: NamedRun, images: pd.DataFrame, names: _Names) -> Tested:
    own = run.run
    new = {name: names.scenario(name, own.classes(name)) for name in own.scenarios}
    tables = {
        "images": images,
        **{
            name: own.tables[name].assign(scenario=own.tables[name]["scenario"].map(new))
            for name in ("cells", "predictions")
        },
    }
    classes: Mapping[str, Sequence[str]] = {new[name]: own.classes(name) for name in new}
    return tested_cells(tables, classes, list(own.split_policies))


def _with_run(tested: Tested, run: NamedRun, letter: str, names: _Names) -> Tested:
    repeats = [names.division(run.split_seed, int(one)) for one in tested.cells["repeat"]]
    return replace(tested, cells=tested.cells.assign(repeat=repeats, **{RUN: letter}))


def _distinct(tested: Tested) -> Tested:
    """Without cells that an earlier run of the group has; one with another result counts as
    another training."""
    seen: dict[tuple[object, ...], object] = {}
    kept, seeds = [], []
    names = [RUN, *(axis.name for axis in AXES)]
    seed = names.index("seed")
    for *key, champion in tested.cells[[*names, "champion"]].itertuples(index=False, name=None):
        while seen.get(tuple(key), champion) != champion:
            key[seed] += _OTHER_TRAINING
        kept.append(tuple(key) not in seen)
        seen[tuple(key)] = champion
        seeds.append(key[seed])
    found = replace(tested, cells=tested.cells.assign(seed=seeds))
    return found.subset(pd.Series(kept, dtype=bool).to_numpy())


def _with_ranked_seeds(tested: Tested) -> Tested:
    """Seeds numbered from 0 in each configuration and division: other seeds are other trainings,
    but none of a run's belongs to a particular one of another run's."""
    names = [RUN, *(axis.name for axis in AXES if axis.name != "seed")]
    ranks = tested.cells.groupby(names)["seed"].rank(method="dense").astype(int) - 1
    return replace(tested, cells=tested.cells.assign(seed=ranks))


def _images(groups: Sequence[Group]) -> pd.DataFrame:
    """All images of all runs; those that any of them puts into one group are in one."""
    top: dict[str, str] = {}

    def root(name: str) -> str:
        while top.setdefault(name, name) != name:
            top[name] = top[top[name]]
            name = top[name]
        return name

    ids: dict[str, None] = {}
    for image_id, group in _memberships(groups):
        ids[image_id] = None
        first, second = sorted((root(image_id), root(group)))
        top[second] = first
    return pd.DataFrame({"image_id": list(ids), "group": [root(one) for one in ids]})


def _memberships(groups: Sequence[Group]) -> Iterator[tuple[str, str]]:
    """Image and group; names of groups mean something within their run only."""
    runs = [run for group in groups for run in group.runs]
    for number, run in enumerate(runs):
        yield from ((image_id, f"{number} {group}") for image_id, group in sorted(run.groups))
        yield from ((name, name) for name in run.run.tables["predictions"]["image_id"].unique())
