"""How long each stage of a run takes, for run.json."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class StageTime:
    """One row of run.json's stages."""

    stage: str
    backbone: str = ""
    seconds: float = 0.0
    made: int = 0
    reused: int = 0


class StageTimes:
    """Measures the stages of a run."""

    def __init__(self) -> None:
        self.stages: list[StageTime] = []

    @contextmanager
    def timed(self, stage: str, backbone: str = "") -> Iterator[StageTime]:
        """Time a block; the row it yields is for the caller to count on."""
        row = StageTime(stage, backbone)
        started = time.perf_counter()
        yield row
        row.seconds = time.perf_counter() - started
        self.stages.append(row)
