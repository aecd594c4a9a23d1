"""One run of the command, followed by what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.chaos.processes import MARK, Process, marked

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("grid.yaml")
STAGES = (
    "collect",
    "preprocess",
    "extract",
    "transfer",
    "finetune",
    "evaluate",
    "explain",
    "report",
)
_BEGINS = re.compile(rf"({'|'.join(STAGES)})[a-z ]*: \d+")
_REPORT = re.compile(r"explain  |\d+ of \d+ cells done")


class Driver:
    """A run under way. `stage`: what its last line says it is at, and since when."""

    def __init__(self, name: str, folder: Path, mark: str) -> None:
        """Start the command on the store and run `name` in `folder`, its processes marked."""
        store, out = folder / f"{name}-store", folder / f"{name}-run"
        command = [sys.executable, "-u", "sweep.py", "run", str(CONFIG), "--set", f"store={store}"]
        self.name, self.mark = name, mark
        self.lines: list[str] = []
        self.stage, self.since = STAGES[0], time.monotonic()
        self.spent: dict[str, float] = {}
        self.process = subprocess.Popen(
            [*command, "--out", str(out)],
            cwd=ROOT,
            env={**os.environ, MARK: mark},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *error: object) -> None:
        if not self.is_over:  # whoever follows it has failed or was interrupted
            self.process.kill()

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None

    @property
    def number(self) -> int:
        """The stage's place in the run."""
        return STAGES.index(self.stage)

    def processes(self) -> list[Process]:
        return marked(self.mark)

    def wait(self, seconds: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def _follow(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := _BEGINS.match(line):
                self._enter(found[1])
            elif _REPORT.match(line):
                self._enter("report")

    def _enter(self, stage: str) -> None:
        if stage != self.stage:
            now = time.monotonic()
            self.spent[self.stage] = now - self.since
            self.stage, self.since = stage, now
