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


def planned(count: int, seed: int) -> list[Kill]:
    """`count` kills in the order of the stages. All pairs of a stage and a target that it has come
    before any comes twice, and two seeds that follow one another, the first even, part them."""
    pairs = [
        (stage, target)
        for stage in STAGES
        for target in TARGETS
        if target == "driver" or stage not in WITHOUT_RAY
    ]
    random.Random(seed // 2).shuffle(pairs)
    if seed % 2:
        pairs.reverse()
    generator = random.Random(seed)
    chosen = [pairs[i % len(pairs)] for i in range(count)]
    kills = [Kill(stage, target, generator.random()) for stage, target in chosen]
    return sorted(kills, key=lambda one: STAGES.index(one.stage))


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
    """Processes that the target may mean: of workers the busy ones, of the command either the one
    that was started or the one that works for it."""
    for process in driver.processes():
        is_meant = {
            "driver": process.is_driver,
            "raylet": process.is_raylet,
            "worker": process.is_busy,
        }
        if is_meant[target]:
            yield process
