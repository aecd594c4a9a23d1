"""ASHA inside a cell: what it stops, what it never stops, and what it saves."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers import TrialScheduler

from sweeper.config.load import load_config
from sweeper.plan.grid import build_grid
from sweeper.plan.rungs import CellRungs, grace_of, milestones
from sweeper.ray.asha import CellAsha

STOP, CONTINUE = TrialScheduler.STOP, TrialScheduler.CONTINUE
EPOCHS, DRAWS, RUNGS = 30, 8, milestones(4, 3, 30)


def test_rungs_grow_by_the_factor_and_end_below_the_last_epoch() -> None:
    assert milestones(4, 3, 100) == [4, 12, 36]
    assert milestones(10, 2, 40) == [10, 20]
    assert milestones(5, 3, 5) == []


def test_the_first_at_a_rung_goes_on_and_a_worse_one_stops_there() -> None:
    rungs = CellRungs([4, 12], 3)
    assert not rungs.stops("cell", "a", 4, 0.6)
    assert rungs.stops("cell", "b", 4, 0.5)
    assert not rungs.stops("cell", "c", 4, 0.6)


def test_only_the_best_share_of_a_rung_goes_on() -> None:
    rungs = CellRungs([4], 3)
    for number in range(9):
        rungs.stops("cell", f"t{number}", 4, number / 10)
    assert rungs.stops("cell", "middle", 4, 0.45)
    assert not rungs.stops("cell", "top", 4, 0.75)


def test_nothing_is_stopped_between_rungs() -> None:
    rungs = CellRungs([4], 3)
    rungs.stops("cell", "a", 4, 0.9)
    assert not any(rungs.stops("cell", "b", epoch, 0.0) for epoch in (1, 3, 5, 29))


def test_cells_do_not_influence_each_other() -> None:
    rungs = CellRungs([4], 3)
    for number in range(20):
        rungs.stops("easy", f"t{number}", 4, 0.9)
    assert not rungs.stops("hard", "first", 4, 0.2)


def test_a_trial_does_not_compete_with_itself() -> None:
    rungs = CellRungs([4], 3)
    rungs.stops("cell", "a", 4, 0.9)
    assert not rungs.stops("cell", "a", 4, 0.1)


def test_rungs_refilled_from_curves_decide_as_if_the_trials_had_run() -> None:
    generator = random.Random(0)
    for _ in range(200):
        lived, refilled = CellRungs([2, 6], 3), CellRungs([2, 6], 3)
        for number in range(generator.randint(1, 6)):
            curve = [generator.random() for _ in range(generator.choice([1, 2, 5, 6, 9]))]
            for epoch in range(1, len(curve) + 1):
                lived.stops("cell", f"t{number}", epoch, max(curve[:epoch]))
            refilled.refill("cell", f"t{number}", curve)
        rung, accuracy = generator.choice([2, 6]), generator.random()
        newcomer = ("cell", "new", rung, accuracy)
        assert lived.stops(*newcomer) == refilled.stops(*newcomer)


@dataclass(frozen=True)
class FakeTrial:
    """What the scheduler reads of a Tune trial."""

    config: dict[str, Any]


def trial(cell: str, draw: int, grace: int = 4) -> FakeTrial:
    spec = {"cell": cell, "draw": draw, "grace_epochs": grace}
    return FakeTrial({"trial": {"key": f"{cell}:{draw}", "spec": spec}})


def tell(
    scheduler: CellAsha, one: FakeTrial, epoch: int, accuracy: float, finite: bool = True
) -> str:
    result = {"epoch": epoch, "best_val_score": accuracy, "finite": finite}
    return scheduler.on_trial_result(None, one, result)  # type: ignore[arg-type]


def test_draw_0_is_never_stopped_and_still_counts() -> None:
    scheduler = CellAsha(CellRungs([4], 3))
    assert tell(scheduler, trial("cell", 1), 4, 0.9) == CONTINUE
    assert tell(scheduler, trial("cell", 0), 4, 0.1) == CONTINUE
    assert tell(scheduler, trial("other", 0), 4, 0.5) == CONTINUE
    assert tell(scheduler, trial("other", 1), 4, 0.4) == STOP
    assert scheduler.stopped == {"other:1": "stopped by ASHA at epoch 4"}


def test_a_small_rate_is_not_stopped_before_it_could_show_and_still_counts() -> None:
    scheduler = CellAsha(CellRungs([4, 12], 3))
    tell(scheduler, trial("cell", 0), 4, 0.5)
    slow = trial("cell", 1, grace=grace_of(4, 1e-3, 9e-3))
    assert tell(scheduler, slow, 4, 0.1) == CONTINUE
    assert tell(scheduler, trial("cell", 2), 4, 0.3) == STOP  # not in the top third of 0.1, 0.5
    tell(scheduler, trial("cell", 0), 12, 0.5)
    assert tell(scheduler, slow, 12, 0.4) == STOP


def test_grace_grows_with_the_root_of_the_rate_that_is_missing() -> None:
    rates = [1e-2, 1e-3, 1e-4]
    assert [grace_of(4, lr, max(rates)) for lr in rates] == [4, 13, 40]
    assert grace_of(4, 1e-3, 1e-4) == 4


def test_equal_trials_that_only_take_longer_survive_by_their_grace() -> None:
    """Three rates that end alike, the slower the later."""
    ends, rates = 0.6, [1e-2, 1e-3, 1e-4]
    survivors = {}
    for kind, grace in (("one for all", lambda lr: 4), ("own", lambda lr: grace_of(4, lr, 1e-2))):
        scheduler, left = CellAsha(CellRungs([4, 12], 3)), set()
        for draw, lr in enumerate(rates):
            one, speed = trial("cell", draw, grace(lr)), (lr / 1e-2) ** 0.5
            told = [tell(scheduler, one, e, ends * (1 - np.exp(-e * speed))) for e in (4, 12)]
            left |= {lr} if STOP not in told else set()
        survivors[kind] = left
    assert survivors == {"one for all": {1e-2}, "own": set(rates)}


@pytest.mark.parametrize("accuracy", [0.5, float("nan"), float("inf")])
@pytest.mark.parametrize("draw", [0, 3])
@pytest.mark.parametrize("rungs", [None, CellRungs([4], 3)])
def test_what_is_not_finite_stops_any_trial(
    rungs: CellRungs | None, draw: int, accuracy: float
) -> None:
    scheduler = CellAsha(rungs)
    finite = accuracy != 0.5
    assert tell(scheduler, trial("cell", draw), 2, accuracy, finite) == STOP
    assert scheduler.stopped == {f"cell:{draw}": "loss not finite in epoch 2"}


def test_without_rungs_a_bad_trial_goes_on() -> None:
    scheduler = CellAsha()
    tell(scheduler, trial("cell", 0), 4, 0.9)
    assert tell(scheduler, trial("cell", 1), 4, 0.0) == CONTINUE


def simulate(rung_set_of: dict[str, str]) -> tuple[dict[str, int], int]:
    """Run eight draws of every cell, sixteen trials at a time in random order. Returns the finished
    draws after the first by cell, and the epochs spent. Cells differ more than draws do."""
    generator = random.Random(1)
    cells = list(rung_set_of)
    ceiling = {cell: 0.2 + 0.7 * i / len(cells) for i, cell in enumerate(cells)}
    scheduler = CellAsha(CellRungs(RUNGS, 3))
    waiting = [(cell, draw) for draw in range(DRAWS) for cell in cells]
    best = {one: ceiling[one[0]] + generator.uniform(-0.1, 0.1) for one in waiting}
    running: dict[tuple[str, int], int] = {}
    finished, spent = dict.fromkeys(cells, 0), 0
    while waiting or running:
        while waiting and len(running) < 16:
            running[waiting.pop(0)] = 0
        one = generator.choice(list(running))
        running[one] += 1
        spent += 1
        accuracy = best[one] * (1 - np.exp(-running[one] / 4))
        fake = trial(f"{one[0]}", one[1])
        fake.config["trial"]["spec"]["cell"] = rung_set_of[one[0]]
        stopped = tell(scheduler, fake, running[one], accuracy) == STOP
        if stopped or running[one] == EPOCHS:
            del running[one]
            finished[one[0]] += not stopped and one[1] > 0
    return finished, spent


def test_every_cell_keeps_tuned_trials_and_epochs_are_saved() -> None:
    cells = build_grid(load_config("paper", ["split.policies=[grouped]"]))
    finished, spent = simulate({cell.id: cell.id for cell in cells})
    everything = 60 * DRAWS * EPOCHS
    assert sum(count > 0 for count in finished.values()) > 50  # beside draw 0, which always is
    assert spent < 0.7 * everything
    in_one_set, _ = simulate({cell.id: "grid" for cell in cells})
    assert sum(count > 0 for count in in_one_set.values()) < 40
