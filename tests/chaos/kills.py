"""Which process is killed at which stage, and how."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chaos.driver import STAGES, Driver
from tests.chaos.processes import Process

TARGETS = ("driver", "worker", "raylet")
WITHOUT_RAY = ("collect",)  # stages in which only the driver is there


@dataclass(frozen=True)
class Kill:
    """One to be made: `moment` 0..1 of the stage's usual length after it has begun."""

    stage: str
    target: str
    moment: float


def planned(count: int, seed: int) -> list[list[Kill]]:
    """`count` kills in rounds, each round in the order of the stages; over every stage and every
    target that the stage has, as evenly as `count` allows."""
    generator = random.Random(seed)
    pairs = [
        (stage, target)
        for stage in STAGES
        for target in TARGETS
        if target == "driver" or stage not in WITHOUT_RAY
    ]
    rounds = []
    while count > 0:
        chosen = pairs if count >= len(pairs) else generator.sample(pairs, count)
        count -= len(chosen)
        kills = [Kill(stage, target, generator.random()) for stage, target in chosen]
        order = {target: generator.random() for target in TARGETS}
        rounds.append(sorted(kills, key=lambda one: (STAGES.index(one.stage), order[one.target])))
    return rounds


def deliver(kill: Kill, driver: Driver, generator: random.Random) -> Process | None:
    """Send SIGKILL to the kill's target; None where the stage ends before it has one."""
    while driver.stage == kill.stage and not driver.is_over:
        victims = list(_victims(kill.target, driver))
        if victims:
            victim = generator.choice(victims)
            try:
                os.kill(victim.pid, signal.SIGKILL)
            except ProcessLookupError:  # it ended by itself
                continue
            return victim
        time.sleep(0.02)
    return None


def _victims(target: str, driver: Driver) -> Iterator[Process]:
    """Processes that the target may mean; of workers the busy ones."""
    for process in driver.processes():
        is_driver = process.pid == driver.process.pid
        if (
            (target == "driver" and is_driver)
            or (target == "raylet" and process.is_raylet)
            or (target == "worker" and process.is_busy)
        ):
            yield process
