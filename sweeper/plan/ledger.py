"""The state of a plan in the store: finished trials, each cell's champion, and what is missing.

A run resumes from here: `needs_running` selects the trials that are trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from threading import RLock
from typing import Any

from reports.headline import Validation, preferred
from sweeper.plan.artifacts import (
    evaluation,
    explanation,
    map_checks,
    robustness,
    seed_agreement,
)
from sweeper.plan.grid import Cell
from sweeper.plan.plan import Plan
from sweeper.plan.suggestions import Result
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.address import is_remote
from sweeper.store.records import read_record, validation_of
from sweeper.store.store import Artifact
from sweeper.strategies import STRATEGIES
from trainables.criterion import rank

Record = dict[str, Any]


class Ledger:
    """Reads each trial record once and caches it until `forget` is called."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.store = plan, plan.store
        self._records: dict[str, Record | None] = {}
        self._rounds: dict[tuple[Cell, str], list[TrialSpec]] = {}
        self._reading = RLock()
        self._to_explain: dict[str, TrialSpec] | None = None
        self._leading: frozenset[str] | None = None

    def record(self, spec: TrialSpec) -> Record | None:
        """The trial's record, or None if it has none yet."""
        if spec.key not in self._records:
            with self._reading:
                self._read(spec)
        return self._records[spec.key]

    def _read(self, spec: TrialSpec) -> None:
        """Read a trial; from a remote store, also all unread ones of its strategy."""
        keys = {spec.key}
        # Which trials Optuna suggests follows from records, so those are read one by one.
        if is_remote(self.store.address) and self.plan.config.search.sampler == "balanced":
            cells = [cell for cell in self.plan.cells if cell.strategy == spec.strategy]
            keys |= {one.key for cell in cells for one in self.trials(cell)}
        unread = sorted(key for key in keys if key not in self._records)
        records = self.store.each(partial(read_record, self.store), unread)
        self._records.update(zip(unread, records, strict=True))

    def forget(self, key: str) -> None:
        """Read the trial again the next time, because it has been run."""
        self._records.pop(key, None)
        self._to_explain = None
        self._leading = None

    def needs_running(self, spec: TrialSpec) -> bool:
        """Whether the trial must be trained: it is missing, or failed other than by a loss that was
        not finite, which would recur. A trial that ASHA stopped counts as finished while ASHA is
        in use."""
        record = self.record(spec)
        if record is None or record["state"] == "failed":
            return record is None or not _diverged(record)
        return record["state"] == "stopped" and not spec.rungs

    def trials(self, cell: Cell) -> list[TrialSpec]:
        """The cell's trials; none until the champion that they start from is known."""
        source = self.plan.parent_of(cell)
        start = self.champion(source) if source else None
        if source and start is None:
            return []
        if self.plan.config.search.sampler == "optuna":
            return self._suggested(cell, start)
        return self.plan.trials(cell, start)

    def _suggested(self, cell: Cell, start: TrialSpec | None) -> list[TrialSpec]:
        """The trials of the rounds that are known: each follows from the results of those before.
        A trial that failed counts as run, so that the cell goes on without it."""
        with self._reading:
            known = self._rounds.setdefault((cell, start.key if start else ""), [])
            while all(self.record(spec) is not None for spec in known):
                results = [_result(spec, self.record(spec)) for spec in known]
                seed = known[0].key if known else ""
                added = self.plan.next_round(cell, start, results, seed)
                if not added:
                    break
                known += added
            return list(known)

    def unsuggested(self, cell: Cell) -> int:
        """How many of the cell's draws follow from results that are not there yet."""
        if self.plan.config.search.sampler == "balanced":
            return 0
        return len(self.plan.draws(cell)) - len(self.trials(cell))

    def champion(self, cell: Cell) -> TrialSpec | None:
        """The cell's finished trial with the best validation score; the lower validation loss,
        then the earlier draw, breaks ties. None while trials are missing, or if none finished."""
        specs = self.trials(cell)
        records = [self.record(spec) for spec in specs]
        if None in records:
            return None  # which is also so while Optuna has another round to suggest
        done = [
            (*rank(*validation_of(record)), -spec.draw, spec)
            for spec, record in zip(specs, records, strict=True)
            if record and record["state"] == "done"
        ]
        return max(done, key=lambda one: one[:3])[3] if done else None

    def evaluation(self, champion: TrialSpec) -> Artifact | None:
        return self.store.verified(*evaluation(champion).place)

    def explanation(self, champion: TrialSpec) -> Artifact | None:
        return self.store.verified(*explanation(champion, self.plan.explanation_settings).place)

    def map_checks(self, champion: TrialSpec) -> list[Artifact] | None:
        """The checks of a champion's maps, and those against the champions of the same cell with
        other seeds; None unless all of them are there."""
        settings = self.plan.check_settings
        targets = [map_checks(champion, settings)]
        targets += [seed_agreement(champion, one, settings) for one in self.siblings(champion)]
        found = [self.store.verified(*target.place) for target in targets]
        return None if None in found else [one for one in found if one]

    def siblings(self, champion: TrialSpec) -> list[TrialSpec]:
        """The evaluated champions of the same cell with other training seeds."""
        champions = {cell: one for cell in self.plan.cells if (one := self.champion(cell))}
        own = [cell for cell, one in champions.items() if one.key == champion.key]
        found = {
            one.key: one
            for cell, one in champions.items()
            if any(cell == mine.at(seed=cell.seed) for mine in own) and self.evaluation(one)
        }
        found.pop(champion.key, None)
        return list(found.values())

    def to_explain(self) -> dict[str, TrialSpec]:
        """The champions that are explained, by key: under the most trustworthy split policy, the
        headline of each scenario (`reports.headline`), or all with `explain.champions: all`."""
        if self._to_explain is None:
            self._to_explain = dict(self._chosen_to_explain())
        return self._to_explain

    def _chosen_to_explain(self) -> Iterator[tuple[str, TrialSpec]]:
        champions = {
            cell: one
            for cell in self.plan.cells
            if not STRATEGIES[cell.strategy].unexplained and (one := self.champion(cell))
        }
        wanted = {one.key for one in champions.values()}
        if self.plan.config.explain.champions == "leading":
            policy = self.plan.most_trusted
            trusted = {
                cell: (one.key, validation_of(record))
                for cell, one in champions.items()
                if cell.split_policy == policy and (record := self.record(one))
            }
            wanted = set(_headlines(trusted))
        yield from ((one.key, one) for one in champions.values() if one.key in wanted)

    def computing_seconds(self) -> float:
        """How long one slot would have computed the activation tables and trials in the store."""
        specs = {spec.key: spec for cell in self.plan.cells for spec in self.trials(cell)}
        records = filter(None, (self.record(spec) for spec in specs.values()))
        trained = sum(record["wall_s"] * record["workers"] for record in records)
        tables = (self.store.find(*one.target.place) for one in self.plan.shared)
        extracted = sum(
            one.info.get("seconds", 0.0) * one.info.get("workers", 1) for one in tables if one
        )
        return float(trained + extracted)

    def corrupted(self, champion: TrialSpec) -> Artifact | None:
        """Its predictions of corrupted test images."""
        corruptions = self.plan.config.robustness.corruptions
        return self.store.verified(*robustness(champion, corruptions).place)

    def is_tested_for_robustness(self, champion: TrialSpec) -> bool:
        """Whether this champion predicts corrupted images."""
        return champion.key in self._chosen(self.plan.config.robustness.champions)

    def lacks_robustness(self, cell: Cell) -> bool:
        """Whether the cell's predictions of corrupted images are requested and missing."""
        champion = self.champion(cell)
        if champion is None or not self.is_tested_for_robustness(champion):
            return False
        return self.corrupted(champion) is None

    def corrupted_is_open(self, cell: Cell) -> bool:
        """Whether the cell may still have to predict corrupted images."""
        if self.plan.config.robustness.champions == "none":
            return False
        return not self.is_settled(cell) or self.lacks_robustness(cell)

    def _chosen(self, which: str) -> frozenset[str]:
        """The keys of the champions that are `leading`, of `all`, or of `none`."""
        if which == "none":
            return frozenset()
        if self._leading is None:
            self._leading = frozenset(_headlines(self._champions()))
        if which == "leading":
            return self._leading
        return frozenset(key for key, _ in self._champions().values())

    def _champions(self) -> dict[Cell, tuple[str, Validation]]:
        """Key and validation result of each cell's champion so far."""
        return {
            cell: (champion.key, validation_of(record))
            for cell in self.plan.cells
            if (champion := self.champion(cell)) and (record := self.record(champion))
        }

    def is_settled(self, cell: Cell) -> bool:
        """Whether the cell is trained and evaluated."""
        champion = self.champion(cell)
        return (
            champion is not None
            and not any(self.needs_running(spec) for spec in self.trials(cell))
            and self.evaluation(champion) is not None
        )

    def is_explained(self, cell: Cell) -> bool:
        """Whether the cell has its explanations, or needs none."""
        if not self.plan.explains or STRATEGIES[cell.strategy].unexplained:
            return True
        champion = self.champion(cell)
        return champion is not None and (
            champion.key not in self.to_explain()
            or (self.explanation(champion) is not None and self.maps_are_checked(champion))
        )

    def maps_are_checked(self, champion: TrialSpec) -> bool:
        """Whether an explained champion has its checks, or needs none."""
        return not self.plan.checks_maps or self.map_checks(champion) is not None

    def summary(self) -> Iterator[str]:
        """The table that `plan` prints: cells and trials by policy, backbone and strategy."""
        head = ("cells", 6), ("done", 6), ("trials", 8), ("to run", 8)
        yield f"{'policy':<12}{'backbone':<16}{'strategy':<10}" + "".join(
            f"{name:>{width}}" for name, width in head
        )
        groups: dict[tuple[str, str, str], list[Cell]] = {}
        for cell in self.plan.cells:
            groups.setdefault((cell.split_policy, cell.backbone, cell.strategy), []).append(cell)
        for (policy, backbone, strategy), cells in groups.items():
            planned = sum(len(self.plan.draws(cell)) for cell in cells)
            ready = sum(
                not self.needs_running(spec) for cell in cells for spec in self.trials(cell)
            )
            done = sum(self.is_settled(cell) for cell in cells)
            yield (
                f"{policy:<12}{backbone:<16}{strategy:<10}{len(cells):>6}{done:>6}"
                f"{planned:>8}{planned - ready:>8}"
            )

    def needing(self, cells: Sequence[Cell]) -> list[TrialSpec]:
        """The cells' trials that need running, each once."""
        specs = [spec for cell in cells for spec in self.trials(cell)]
        return list({s.key: s for s in specs if self.needs_running(s)}.values())


def _headlines(champions: Mapping[Cell, tuple[str, Validation]]) -> Iterator[str]:
    """For each split policy and scenario, the key of the best training on validation of the best
    configuration on validation."""
    groups: dict[tuple[str, str], dict[Cell, dict[str, Validation]]] = {}
    for cell, (key, validation) in champions.items():
        configurations = groups.setdefault((cell.split_policy, cell.scenario), {})
        configurations.setdefault(cell.configuration, {})[key] = validation
    for configurations in groups.values():
        chosen = preferred({one: list(own.values()) for one, own in configurations.items()})
        if chosen:
            best = preferred({key: [own] for key, own in configurations[chosen].items()})
            yield from [best] if best else []


def _result(spec: TrialSpec, record: Record | None) -> Result:
    """A trial's record, as the sampler takes it."""
    curve = record["curve"] if record else []
    state = record["state"] if record else "failed"
    has_score = bool(curve) and state != "failed"
    return Result(
        draw=dict(spec.hyperparameters),
        score=max(epoch["val_score"] for epoch in curve) if has_score else None,
        stopped_at=len(curve) if state == "stopped" else None,
    )


def _diverged(record: Record) -> bool:
    return any(
        not math.isfinite(epoch[loss])
        for epoch in record["curve"][-1:]
        for loss in ("train_loss", "val_loss")
    )
