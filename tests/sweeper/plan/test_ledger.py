"""What the store holds of a plan: champions, and what is left to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.config.load import load_config
from sweeper.plan import ledger as ledger_module
from sweeper.plan.collect import collect
from sweeper.plan.grid import Cell
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.store.records import read_record
from sweeper.store.store import Store
from tests.sweeper.by_hand import evaluate, record
from tests.sweeper.conftest import Bucket
from tests.sweeper.folders import write_config, write_images

Open = Callable[..., Ledger]


@pytest.fixture
def ledger_of(tmp_path: Path) -> Open:
    """Ledgers of four cells of two draws, with overrides, over one store."""
    path = write_config(tmp_path, write_images(tmp_path / "images", {"a": 5, "b": 5}))

    def build(*overrides: str) -> Ledger:
        config = load_config(path, overrides)
        store = Store(config.store)
        return Ledger(Plan(config, collect(config.data, store), store))

    return build


def cell_of(ledger: Ledger, strategy: str = "transfer") -> Cell:
    return next(cell for cell in ledger.plan.cells if cell.strategy == strategy)


def test_the_champion_has_the_best_accuracy_of_any_epoch(ledger_of: Open) -> None:
    ledger = ledger_of()
    first, second = ledger.trials(cell_of(ledger))
    record(ledger, first, "done", 0.7, 0.6)
    record(ledger, second, "done", 0.8, 0.1)
    assert ledger.champion(cell_of(ledger)) == second


def test_a_tie_goes_to_the_lower_loss_then_to_the_earlier_draw(ledger_of: Open) -> None:
    ledger = ledger_of()
    first, second = ledger.trials(cell_of(ledger))
    record(ledger, first, "done", 0.7)
    record(ledger, second, "done", 0.7)
    assert ledger.champion(cell_of(ledger)) == first
    record(ledger, second, "done", 0.7, loss=0.4)
    assert ledger.champion(cell_of(ledger)) == second


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_only_a_finished_trial_is_champion(ledger_of: Open, state: str) -> None:
    ledger = ledger_of()
    first, second = ledger.trials(cell_of(ledger))
    record(ledger, first, "done", 0.2)
    record(ledger, second, state, 0.9)
    assert ledger.champion(cell_of(ledger)) == first


def test_there_is_no_champion_while_a_trial_is_missing(ledger_of: Open) -> None:
    ledger = ledger_of()
    record(ledger, ledger.trials(cell_of(ledger))[0], "done", 0.7)
    assert ledger.champion(cell_of(ledger)) is None


def test_the_first_question_reads_all_trials_of_a_strategy_that_a_remote_store_has(
    ledger_of: Open, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ledger_of(f"store={s3_bucket()}")
    transfer = [cell for cell in before.plan.cells if cell.strategy == "transfer"]
    specs = [spec for cell in transfer for spec in before.trials(cell)]
    for spec in specs:
        record(before, spec, "done", 0.7)
    asked: list[str] = []

    def read(store: Store, key: str) -> dict[str, Any] | None:
        asked.append(key)
        return read_record(store, key)

    monkeypatch.setattr(ledger_module, "read_record", read)
    ledger = Ledger(before.plan)
    assert ledger.record(specs[0]) is not None
    assert sorted(asked) == sorted(spec.key for spec in specs)
    assert not ledger.needing(transfer)
    assert ledger.trials(cell_of(ledger, "finetune"))
    assert len(asked) == len(specs)  # each once
    ledger.forget(specs[1].key)
    assert ledger.record(specs[1]) is not None
    assert asked[len(specs) :] == [specs[1].key]


def test_finetuning_trials_are_known_once_their_champion_is(ledger_of: Open) -> None:
    ledger = ledger_of()
    assert ledger.trials(cell_of(ledger, "finetune")) == []
    first, second = ledger.trials(cell_of(ledger))
    record(ledger, first, "done", 0.7)
    record(ledger, second, "done", 0.8)
    starts = {spec.start_key for spec in ledger.trials(cell_of(ledger, "finetune"))}
    assert starts == {second.key}


def test_failures_run_again_and_what_is_done_does_not(ledger_of: Open) -> None:
    ledger = ledger_of()
    first, second = ledger.trials(cell_of(ledger))
    assert ledger.needing([cell_of(ledger)]) == [first, second]
    record(ledger, first, "done", 0.7)
    record(ledger, second, "failed")
    assert ledger.needing([cell_of(ledger)]) == [second]


def test_what_asha_stopped_runs_again_without_asha_only(ledger_of: Open) -> None:
    asha = ledger_of("search.scheduler=asha", "search.grace_epochs=1")
    record(asha, asha.trials(cell_of(asha))[1], "stopped", 0.1)
    assert not asha.needs_running(asha.trials(cell_of(asha))[1])
    without = ledger_of("search.scheduler=none")
    assert without.needs_running(without.trials(cell_of(without))[1])


def test_a_trial_that_cells_share_is_run_once(ledger_of: Open) -> None:
    ledger = ledger_of("split.policies=[pooled, grouped]", "search.draws=1")
    plain = [
        cell for cell in ledger.plan.cells if cell.strategy == "transfer" and not cell.augmented
    ]
    assert len(plain) == 2
    assert len(ledger.needing(plain)) == 1


def test_a_cell_is_settled_once_its_champion_is_evaluated(ledger_of: Open) -> None:
    ledger, cell = ledger_of(), cell_of(ledger_of())
    specs = ledger.trials(cell)
    for spec in specs:
        record(ledger, spec, "done", 0.7)
    assert not ledger.is_settled(cell)
    evaluate(ledger, specs[0])
    assert ledger.is_settled(cell)


def test_the_summary_counts_cells_and_trials_and_what_is_left(ledger_of: Open) -> None:
    ledger = ledger_of()
    for spec in ledger.trials(cell_of(ledger)):
        record(ledger, spec, "done", 0.7)
    head, transfer, finetune = (line.split() for line in ledger.summary())
    assert head == ["policy", "backbone", "strategy", "cells", "done", "trials", "to", "run"]
    assert transfer == ["grouped", "mobilenet", "transfer", "2", "0", "4", "2"]
    assert finetune == ["grouped", "mobilenet", "finetune", "2", "0", "4", "4"]


def test_the_best_champion_of_a_scenario_is_explained_and_no_other(ledger_of: Open) -> None:
    ledger = ledger_of("explain.examples=2")
    plain, augmented = (cell for cell in ledger.plan.cells if cell.strategy == "transfer")
    for cell, accuracy in ((plain, 0.5), (augmented, 0.75)):
        for spec in ledger.trials(cell):
            record(ledger, spec, "done", accuracy)
    first, second = ledger.champion(plain), ledger.champion(augmented)
    assert first is not None
    assert second is not None
    assert set(ledger.to_explain()) == {second.key}
    assert ledger.is_explained(plain)
    assert not ledger.is_explained(augmented)
    record(ledger, first, "done", 0.9)
    assert set(ledger.to_explain()) == {first.key}, "a new record is taken up"


def test_only_the_most_trustworthy_split_is_explained(ledger_of: Open) -> None:
    ledger = ledger_of("explain.examples=2", "split.policies=[pooled, grouped]")
    for cell in ledger.plan.cells:
        if cell.strategy == "transfer":
            for spec in ledger.trials(cell):
                record(ledger, spec, "done", 0.9 if cell.split_policy == "pooled" else 0.5)
    grouped = [cell for cell in ledger.plan.cells if cell.split_policy == "grouped"]
    champions = {one.key for cell in grouped if (one := ledger.champion(cell))}
    assert len(ledger.to_explain()) == 1
    assert set(ledger.to_explain()) < champions


def test_every_champion_is_explained_where_that_is_asked_for(ledger_of: Open) -> None:
    ledger = ledger_of("explain.examples=2", "explain.champions=all")
    champions = set()
    for cell in ledger.plan.cells:
        if cell.strategy == "transfer":
            for spec in ledger.trials(cell):
                record(ledger, spec, "done", 0.5)
            champions |= {one.key for one in [ledger.champion(cell)] if one}
    assert len(champions) == 2
    assert set(ledger.to_explain()) == champions


def test_the_time_to_explain_follows_from_what_was_computed(ledger_of: Open) -> None:
    ledger = ledger_of("explain.examples=2")
    assert ledger.computing_seconds() == 0
    for spec in ledger.trials(cell_of(ledger)):
        record(ledger, spec, "done", 0.5)
    expected = sum(
        one["wall_s"] for s in ledger.trials(cell_of(ledger)) if (one := ledger.record(s))
    )
    assert ledger.computing_seconds() == expected > 0


OPTUNA = (
    "search.sampler=optuna",
    "search.draws=6",
    "search.round=2",
    "recipes.paper.lr={log_uniform: [1e-5, 1e-1]}",
)


def _run_known(ledger: Ledger, cell: Cell, score: Callable[[float], float]) -> int:
    """Record the cell's known trials that have no record; how many there were."""
    missing = [spec for spec in ledger.trials(cell) if ledger.record(spec) is None]
    for spec in missing:
        record(ledger, spec, "done", score(spec.hyperparameters["lr"]))
    return len(missing)


def test_optunas_trials_come_in_rounds_and_there_is_no_champion_before_the_last(
    ledger_of: Open,
) -> None:
    ledger = ledger_of(*OPTUNA)
    cell = cell_of(ledger)
    for known in (2, 4, 6):
        assert ledger.champion(cell) is None
        assert len(ledger.trials(cell)) == known
        assert ledger.unsuggested(cell) == 6 - known
        assert _run_known(ledger, cell, lambda lr: lr) == 2
    assert len(ledger.trials(cell)) == 6
    specs = ledger.trials(cell)
    assert [spec.draw for spec in specs] == list(range(6))
    assert ledger.champion(cell) == max(specs, key=lambda spec: spec.hyperparameters["lr"])
    assert len(ledger.trials(cell_of(ledger, "finetune"))) == 2


def test_a_resumed_run_goes_on_with_the_trials_of_the_unbroken_one(ledger_of: Open) -> None:
    unbroken = ledger_of(*OPTUNA)
    cell = cell_of(unbroken)
    while _run_known(unbroken, cell, lambda lr: lr):
        resumed = ledger_of(*OPTUNA)
        assert resumed.trials(cell) == unbroken.trials(cell)
    assert resumed.champion(cell) == unbroken.champion(cell)


def test_what_optuna_suggests_depends_on_the_results(ledger_of: Open, tmp_path: Path) -> None:
    drawn = []
    for name, score in (("up", lambda lr: lr), ("down", lambda lr: -lr)):
        ledger = ledger_of(*OPTUNA, f"store={tmp_path / name}")
        cell = cell_of(ledger)
        while _run_known(ledger, cell, score):
            pass
        drawn.append([spec.hyperparameters["lr"] for spec in ledger.trials(cell)])
    assert drawn[0][:2] == drawn[1][:2]
    assert drawn[0][2:] != drawn[1][2:]


def test_a_cell_goes_on_without_a_trial_that_failed(ledger_of: Open) -> None:
    ledger = ledger_of(*OPTUNA)
    cell = cell_of(ledger)
    first, second = ledger.trials(cell)
    record(ledger, first, "failed", 0.1)
    record(ledger, second, "done", 0.1)
    assert len(ledger.trials(cell)) == 4
