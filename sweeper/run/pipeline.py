"""Run all steps, in the order of the paper's; a killed run resumes here.

    collect -> audit -> split -> preprocess + augment -> extract -> transfer -> fine-tune
            -> evaluate -> explain -> check maps -> corrupt -> report

Each step checks what exists in the store and computes only what is missing. torch and Ray, which
take seconds to import, are imported by the first step that has something to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.exports.files import write_exports
from reports.page import build_page
from sweeper.config.run_paths import started_in
from sweeper.config.schema import Config
from sweeper.errors import DamagedError, StoreError
from sweeper.plan.grid import Cell
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.plan.rungs import CellRungs
from sweeper.plan.start import make_plan
from sweeper.plan.trial_spec import TrialSpec
from sweeper.progress import Progress
from sweeper.ray.interrupts import ending_on_signals
from sweeper.ray.reachable import check_ray
from sweeper.results.champions_file import write_champions_file
from sweeper.results.run_file import describe_run, write_run_file
from sweeper.results.tables import Outcome, write_tables
from sweeper.results.tracked import track_results, trial_name
from sweeper.stage_times import StageTimes
from sweeper.store.records import write_split
from sweeper.store.refusals import writing_to
from sweeper.strategies import STRATEGIES
from sweeper.tracking.tracking import Tracking
from sweeper.use.finished import FinishedRun, read_run

if TYPE_CHECKING:
    from sweeper.ray.asha import CellAsha
    from sweeper.ray.session import Resources
    from sweeper.run.caches import Caches

_PASSES = 3
_KEPT = ("config", "paths", "budget")  # entries of run.json that a rebuilt report keeps


def run_sweep(
    config: Config,
    out: Path,
    command: str,
    progress: Progress,
    kept: Mapping[str, Any] | None = None,
) -> Outcome:
    """Run the missing parts of a configuration and write tables and report to `out`.

    Args:
        kept: entries to add to run.json.

    On Ctrl-C, SIGTERM or SIGHUP, it writes the results so far and raises KeyboardInterrupt.
    If a worker finds a damaged artifact in the store, the steps are run again to rebuild it.
    Raises ResourceError, before anything is done, if Ray cannot be started.
    """
    check_ray()
    with ending_on_signals():
        for _ in range(_PASSES):
            if outcome := _run_steps(config, out, command, progress, kept):
                return outcome
            progress.skip("damaged", "rebuilding damaged artifacts")
    raise StoreError(
        f"store '{config.store}': files written to it were damaged {_PASSES} times in a row; "
        "its folder damaged/ keeps them: check the disk"
    )


def _run_steps(
    config: Config, out: Path, command: str, progress: Progress, kept: Mapping[str, Any] | None
) -> Outcome | None:
    """All steps once; None if a damaged artifact was found."""
    with suppress(DamagedError), _sweep(config, out, command, progress, kept) as sweep:
        store = sweep.plan.store
        damaged = store.damaged()
        try:
            sweep.open_trackers()
            sweep.store_splits()
            sweep.load_backbones()
            sweep.preprocess_and_augment()
            sweep.extract()
            sweep.train()
            sweep.evaluate()
            sweep.explain()
            sweep.check_maps()
            sweep.test_robustness()
            return sweep.complete() if store.damaged() <= damaged else None
        except KeyboardInterrupt:
            for _ in range(_PASSES):
                with suppress(DamagedError):  # quarantined: missing the next time
                    sweep.report("interrupted")
                    break
            raise
    return None


def rebuild_report(run: FinishedRun, command: str, progress: Progress) -> Outcome:
    """Rebuild tables and report of a run from the store; runs nothing."""
    kept = {name: run.about[name] for name in _KEPT if name in run.about}
    with _sweep(run.config, run.folder, command, progress, kept) as sweep:
        return sweep.report("complete")


def ray_session(*wanted: Any) -> AbstractContextManager[Resources]:
    """See `sweeper.ray.session`."""
    from sweeper.ray.session import ray_session as session

    return session(*wanted)


@contextmanager
def _sweep(
    config: Config,
    out: Path,
    command: str,
    progress: Progress,
    kept: Mapping[str, Any] | None = None,
) -> Iterator[Sweep]:
    """A sweep with its images collected and split; closes Ray at the end."""
    started, times = datetime.now(UTC), StageTimes()
    plan = make_plan(config, progress, times)
    with ExitStack() as closing:
        yield Sweep(plan, out, command, progress, times, closing, started, kept or {})


@dataclass(frozen=True)
class _Work:
    """What is done of each champion, in a task: `count`, where it is given, says how many of `unit`
    that is, and progress counts them instead of champions."""

    do: Callable[[TrialSpec], Iterator[int] | None]
    count: Callable[[TrialSpec], int] | None = None
    unit: str = "champions"


@dataclass
class Sweep:
    """A run in progress: its plan, its state in the store, and Ray once it is needed."""

    plan: Plan
    out: Path
    command: str
    progress: Progress
    times: StageTimes
    closing: ExitStack  # what Ray needs to be shut down
    started: datetime
    kept: Mapping[str, Any]  # entries of run.json that are given
    errors: dict[str, str] = field(default_factory=dict)  # cell id -> why it has no evaluation

    @property
    def config(self) -> Config:
        return self.plan.config

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.plan)

    @cached_property
    def _caches(self) -> Caches:
        with self.progress.during("load torch and Ray"):
            from sweeper.run.caches import Caches

        return Caches(self.plan, self.progress, self.times, lambda: self.resources)

    @cached_property
    def resources(self) -> Resources:
        """The session's resources; starts Ray on first use."""
        wanted = self.config.resources
        session = ray_session(
            wanted.cpus, wanted.gpus_per_trial, wanted.workers_per_trial, wanted.retries
        )
        minutes = wanted.checkpoint_minutes
        with self.progress.during("start Ray"):
            found = self.closing.enter_context(session)
            return replace(found, checkpoint_s=None if minutes is None else 60 * minutes)

    @cached_property
    def _open_backbones(self) -> set[str]:
        """Backbones with a cell that is not trained and evaluated when the run begins."""
        return self._backbones_without(self.ledger.is_settled)

    @cached_property
    def _unexplained_backbones(self) -> set[str]:
        return self._backbones_without(self.ledger.is_explained)

    @property
    def _lacks_robustness(self) -> bool:
        return any(self.ledger.lacks_robustness(cell) for cell in self.plan.cells)

    def _backbones_without(self, has: Callable[[Cell], bool]) -> set[str]:
        found = self.plan.store.each(has, self.plan.cells)
        return {
            cell.backbone for cell, is_so in zip(self.plan.cells, found, strict=True) if not is_so
        }

    @cached_property
    def _tracking(self) -> Tracking:
        """The configured trackers."""
        targets = self.config.tracking.model_dump(exclude_none=True)
        tracking = Tracking(
            targets, self.config.name, self.out, lambda text: self.progress.skip("tracking", text)
        )
        self.closing.callback(tracking.close)
        return tracking

    def open_trackers(self) -> None:
        """Open the trackers first, so that one that cannot be opened is reported without delay."""
        bool(self._tracking)

    def store_splits(self) -> None:
        """Store the splits, so that trials on any machine can read them."""
        for split in self.plan.splits.values():
            write_split(self.plan.store, split.target, split.rows)

    # --- what is computed once -------------------------------------------------------------

    def load_backbones(self) -> None:
        """Load weights first, so that a missing file or hub is reported without delay. The cells
        of a backbone whose weights cannot be had fail, and the others go on."""
        wanted = self._open_backbones | self._unexplained_backbones
        if not wanted:
            return
        refused = self._caches.load_backbones(wanted)
        for cell in self.plan.cells:
            if reason := refused.get(cell.backbone):
                self.errors[cell.id] = reason
        self._open_backbones.difference_update(refused)
        self._unexplained_backbones.difference_update(refused)

    def preprocess_and_augment(self) -> None:
        """Image shards: every image preprocessed, with its augmented copies."""
        if self._open_backbones or self._unexplained_backbones or self._lacks_robustness:
            self._caches.make_shards()

    def extract(self) -> None:
        """Activation tables of every backbone that still has work."""
        if self._open_backbones:
            self._caches.extract_tables(self._open_backbones)

    # --- trials ------------------------------------------------------------------------------

    def train(self) -> None:
        """Run the trials of each strategy, after the strategy whose champions they start from."""
        for strategy in STRATEGIES:
            self._run_cells(strategy)

    def _run_cells(self, strategy: str) -> None:
        sound = [cell for cell in self.plan.cells if cell.id not in self.errors]
        cells = [cell for cell in sound if cell.strategy == strategy]
        specs = [spec for cell in cells for spec in self.ledger.trials(cell)]
        if not cells:
            return
        with self.times.timed(strategy) as stage:
            missing = self.ledger.needing(cells)
            later = sum(self.ledger.unsuggested(cell) for cell in cells)
            stage.made, stage.reused = len(missing) + later, len(specs) - len(missing)
            if not missing:
                self.progress.skip(strategy, f"{len(specs)} trials in the store")
                return
            self.progress.start(strategy, stage.made, "trials")
            self._run_rounds(strategy, cells)
            self.progress.finish(f"{stage.reused} in the store" if stage.reused else "")

    def _run_rounds(self, strategy: str, cells: Sequence[Cell]) -> None:
        """Run the cells' trials; where their results suggest others, those too. Each once: one that
        fails is run again by the next command."""
        from sweeper.ray.trials import run_trials

        resources, ran = self.resources, set[str]()
        while missing := [one for one in self.ledger.needing(cells) if one.key not in ran]:
            specs = [spec for cell in cells for spec in self.ledger.trials(cell)]
            scheduler = self._scheduler(strategy, specs)
            live = self._curve if self._tracking else None
            run_trials(self._ordered(missing), scheduler, resources, self._trial_ended, live)
            ran |= {spec.key for spec in missing}

    def _scheduler(self, strategy: str, specs: Sequence[TrialSpec]) -> CellAsha:
        """ASHA, with its rungs filled from the trials in the store."""
        from sweeper.ray.asha import CellAsha

        rungs = self.plan.rungs(strategy)
        if not rungs:
            return CellAsha()
        cells = CellRungs(rungs, self.config.search.reduction_factor)
        for spec in specs:
            record = self.ledger.record(spec)
            if record and not self.ledger.needs_running(spec):
                scores = [epoch["val_score"] for epoch in record["curve"]]
                cells.refill(spec.cell, spec.key, scores)
        return CellAsha(cells)

    def _ordered(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Draw 0 of every cell first, so that later draws can be compared with it; within a draw,
        trials with the most rows first, so that no long one is left for the end."""
        rows = {split.key: len(split.rows) for split in self.plan.splits.values()}
        return sorted(specs, key=lambda spec: (spec.draw, -rows[spec.split_key]))

    def _curve(self, spec: TrialSpec, curve: Sequence[Mapping[str, Any]]) -> None:
        self._tracking.epochs(trial_name(spec), curve)

    def _trial_ended(self, key: str, state: str) -> None:
        self.ledger.forget(key)
        self.progress.count(state)

    # --- champions ---------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Every champion sees the test set, once."""

        def work() -> _Work:
            from sweeper.run.champions import evaluate_champion

            return _Work(evaluate_champion)

        self._for_champions("evaluate", self._champions(), self.ledger.evaluation, work)

    def explain(self) -> None:
        """Attribution maps of a few test images of the leading champions."""
        if not self.plan.explains:
            return
        settings, champions = self.plan.explanation_settings, self._explained()

        def work() -> _Work:
            from sweeper.run.explanations import count_maps, explain_champion

            seconds = self._seconds_to_explain(len(champions))
            count = partial(count_maps, self.plan.store, settings=settings)
            return _Work(
                partial(explain_champion, settings=settings, seconds=seconds), count, "maps"
            )

        self._for_champions("explain", champions, self.ledger.explanation, work)

    def check_maps(self) -> None:
        """Whether the maps of these champions depend on the weights and follow the score."""
        if not self.plan.checks_maps:
            return
        settings, champions = self.plan.check_settings, self._explained()
        siblings = {spec.key: self.ledger.siblings(spec) for spec in champions}

        def work() -> _Work:
            from sweeper.run.map_checks import check_champion, count_checks

            seconds = self._seconds_to_explain(len(champions))
            count = partial(count_checks, self.plan.store, siblings=siblings, settings=settings)
            check = partial(check_champion, siblings=siblings, settings=settings, seconds=seconds)
            return _Work(check, count, "checks")

        self._for_champions("check maps", champions, self.ledger.map_checks, work)

    def _explained(self) -> list[TrialSpec]:
        wanted = self.ledger.to_explain()
        return [spec for spec in self._evaluated() if spec.key in wanted]

    def _seconds_to_explain(self, champions: int) -> float | None:
        """The time that the maps of each of these champions may take, and again their checks, so
        that together they take no more than `explain.time_share` of the run."""
        share = self.config.explain.time_share
        if share is None or not champions:
            return None
        both = share / (1 - share) * self.ledger.computing_seconds()
        return (both / 2 if self.plan.checks_maps else both) / champions

    def _champions(self) -> list[TrialSpec]:
        """The champions of cells without an error, each once: several cells may share one."""
        sound = [cell for cell in self.plan.cells if cell.id not in self.errors]
        found = {spec.key: spec for cell in sound if (spec := self.ledger.champion(cell))}
        return list(found.values())

    def _evaluated(self) -> list[TrialSpec]:
        """Those that have predicted the test images; one with damaged weights has not."""
        champions = self._champions()
        found = self.plan.store.each(self.ledger.evaluation, champions)
        return [spec for spec, one in zip(champions, found, strict=True) if one]

    def test_robustness(self) -> None:
        """The leading champions predict corrupted test images."""
        section = self.config.robustness
        if section.champions == "none":
            return

        def work() -> _Work:
            from sweeper.run.robustness import corrupt_champion

            return _Work(partial(corrupt_champion, corruptions=section.corruptions))

        champions = [one for one in self._evaluated() if self.ledger.is_tested_for_robustness(one)]
        self._for_champions("robustness", champions, self.ledger.corrupted, work)

    def _for_champions(
        self,
        name: str,
        champions: Sequence[TrialSpec],
        artifact: Callable[[TrialSpec], object | None],
        work: Callable[[], _Work],
    ) -> None:
        """Do the work of champions without this artifact."""
        with self.times.timed(name) as stage:
            found = self.plan.store.each(artifact, champions)
            missing = [spec for spec, one in zip(champions, found, strict=True) if one is None]
            stage.made, stage.reused = len(missing), len(champions) - len(missing)
            if not missing:
                self.progress.skip(name, f"{len(champions)} champions in the store")
                return
            self._work_on(name, missing, work())

    def _work_on(self, name: str, missing: Sequence[TrialSpec], work: _Work) -> None:
        from sweeper.ray.tasks import run_tasks

        resources = self.resources
        counts = map(work.count, missing) if work.count else [len(missing)]
        self.progress.start(name, sum(counts), work.unit)

        def ended(spec: TrialSpec, error: str) -> None:
            if error:
                self._fail(spec, f"{name}: {error}")
            if error or not work.count:
                self.progress.count("failed" if error else "done")

        run_tasks(
            work.do,
            missing,
            resources,
            ended,
            on_step=lambda: self.progress.count("done"),
            name_of=lambda spec: f"{name}: {spec.cell}",
        )
        self.progress.finish()

    def _fail(self, champion: TrialSpec, error: str) -> None:
        """Every cell of this champion has failed."""
        for cell in self.plan.cells:
            found = self.ledger.champion(cell)
            if found and found.key == champion.key:
                self.errors[cell.id] = error

    # --- report ------------------------------------------------------------------------------

    def complete(self) -> Outcome:
        """Write the report, and give the trackers what they do not have yet."""
        outcome = self.report("complete")
        if self.config.test_sets:
            self._test_externally()
        if self._tracking:
            with self.progress.during("log to trackers"):
                track_results(self._tracking, Ledger(self.plan), self.out)
        return outcome

    def _test_externally(self) -> None:
        """Test the leading champions on the external test sets, and add them to the page."""
        from sweeper.use.external import add_test_set, leading_cells

        run = read_run(self.out)
        with self.times.timed("external test sets") as stage:
            for name, data in self.config.test_sets.items():
                cells = leading_cells(run)
                store = self.plan.store
                tested = add_test_set(run, store, name, data, cells, self.progress, again=False)
                stage.made += len(tested)
                stage.reused += len(cells) - len(tested)
        with self.progress.during("write page"):
            build_page(self.out)

    def report(self, status: str) -> Outcome:
        """Write the tables, run.json, the page and its exports."""
        ledger = Ledger(self.plan)  # read again: an interrupted trial may not have reported
        with writing_to(self.out), self.progress.during("write tables and page"):
            return self._report(status, ledger)

    def _report(self, status: str, ledger: Ledger) -> Outcome:
        with self.times.timed("report"):
            outcome = write_tables(ledger, self.errors, self.out / "results")
        about = describe_run(ledger, outcome, self.times.stages)
        about |= {
            "status": status,
            "command": self.command,
            "started": self.started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "how_to_resume": f"run the same command again: {self.command}",
            "paths": started_in(self.out),
            **self.kept,
        }
        write_run_file(about, self.out / "results")
        write_champions_file(ledger, self.out / "results")
        build_page(self.out)
        write_exports(self.out)
        return outcome
