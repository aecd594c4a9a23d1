"""Spot interruptions: while a stage runs, a machine that works for it is switched off."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

STAGES = ("preprocess and augment", "extract", "transfer", "finetune", "evaluate", "explain")
_PROGRESS = re.compile(rf"^({'|'.join(STAGES)})\s.*?(\d+) of (\d+) ")


@dataclass
class Interruptions:
    """Follows what a driver prints, and strikes once in each of `stages`: as its work begins, or
    once something of it is done."""

    strike: Callable[[], str | None]  # switches one off, if any is at work: which
    stages: tuple[str, ...] = STAGES
    midway: bool = False
    struck: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def follow(self, command: list[str], timeout: float) -> int:
        """Run a driver's command to its end; returns its exit code."""
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        assert process.stdout is not None
        try:
            for line in process.stdout:
                self.lines.append(line)
                self._look(line)
            return process.wait()
        finally:
            timer.cancel()

    def _look(self, line: str) -> None:
        found = _PROGRESS.search(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", line).strip())
        if found is None or found[1] in self.struck or found[1] not in self.stages:
            return
        stage, done, of = found[1], int(found[2]), int(found[3])
        if self.midway <= done < of:
            machine = self.strike()
            if machine:
                self.struck.append(stage)
                print(f"  {stage}: {done} of {of}: {machine} is switched off", flush=True)
