"""Rounds of kills: each a fresh store, run until it completes, and compared."""

from __future__ import annotations

import json
import random
import signal
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.commits import CommitWatch, poison
from tests.chaos.driver import STAGES, Driver
from tests.chaos.kills import Kill, deliver
from tests.chaos.verdict import differences, outliving, unfinished

_END_WITHIN_S = 90.0  # of a driver whose raylet is dead
_ORPHANS_WITHIN_S = 30.0
_AGENTS_WITHIN_S = 120.0
_RUN_WITHIN_S = 600.0


@dataclass
class Campaign:
    """Kills runs in `folder` and remembers what it saw. `wrong`: promises that did not hold."""

    folder: Path
    seed: int
    say: Callable[[str], None]
    made: list[Kill] = field(default_factory=list)
    missed: list[Kill] = field(default_factory=list)
    starts: int = 0
    orphan_s: float = 0.0  # the longest that any process outlived its driver
    poisoned: int = 0
    committed: int = 0  # trials
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.generator = random.Random(self.seed)
        self.began = time.monotonic()

    def unbroken(self) -> dict[str, float]:
        """Run once without a kill, to compare with, if the folder has no such run yet; seconds of
        each stage."""
        known = self.folder / "unbroken.json"
        if known.exists():
            return dict(json.loads(known.read_text()))
        driver = self._start("unbroken")
        code = driver.wait(_RUN_WITHIN_S)
        if code:
            raise RuntimeError("the unbroken run failed:\n" + "\n".join(driver.lines))
        driver.spent["report"] = time.monotonic() - driver.since
        self.say(f"unbroken run: {sum(driver.spent.values()):.0f} s {_rounded(driver.spent)}")
        known.write_text(json.dumps(driver.spent))
        return driver.spent

    def round(self, name: str, kills: list[Kill], usual_s: dict[str, float]) -> None:
        """Run a fresh store to its end under these kills, and check what it ends with."""
        with CommitWatch(self.folder / f"{name}-store") as watch:
            waiting = list(kills)
            while not self._one_run(name, waiting, usual_s):
                pass
            self.missed += waiting
        self._judge(name, watch)

    def _one_run(self, name: str, waiting: list[Kill], usual_s: dict[str, float]) -> bool:
        """Start the command and kill; whether it came to its end."""
        with self._start(name) as driver:
            return self._disturb(name, driver, waiting, usual_s)

    def _disturb(
        self, name: str, driver: Driver, waiting: list[Kill], usual_s: dict[str, float]
    ) -> bool:
        while waiting and not driver.is_over:
            kill = waiting[0]
            due = driver.since + kill.moment * usual_s[kill.stage]
            if driver.stage != kill.stage or time.monotonic() < due:
                if driver.number > STAGES.index(kill.stage):
                    self.missed.append(waiting.pop(0))
                time.sleep(0.01)
                continue
            victim = deliver(kill, driver, self.generator)
            (self.made if victim else self.missed).append(waiting.pop(0))
            if victim:
                title = victim.title.split(" ")[0].rpartition("/")[2]
                at = time.monotonic() - driver.since
                self._log(f"{name}: {kill.stage} +{at:.1f} s: killed the {kill.target} ({title})")
                if kill.target != "worker":
                    self._ended(driver, kill)
                    return False
        code = driver.wait(_RUN_WITHIN_S)
        self._log(f"{name}: exit code {code}")
        if code:
            said = "\n".join(driver.lines[-30:])
            self.wrong.append(f"{name}: a run that was left alone ended with {code}:\n{said}")
        return True

    def _ended(self, driver: Driver, kill: Kill) -> None:
        """The run ends as it should, and leaves no process behind."""
        code = driver.wait(_END_WITHIN_S)
        told = [line for line in driver.lines if line.startswith("error: ")]
        noise = [line for line in driver.lines if "(raylet)" in line]
        # The process that was started says nothing where it is itself the one that was killed.
        right = {"raylet": {(2, 1)}, "driver": {(-signal.SIGKILL, 0), (128 + signal.SIGKILL, 1)}}
        if kill.stage == STAGES[-1]:  # when all is done, a raylet is not missed any more
            right["raylet"].add((0, 0))
        if (code, len(told)) not in right[kill.target] or noise:
            said = "\n".join(driver.lines[-30:])
            self.wrong.append(f"a dead {kill.target} at {kill.stage} ended with {code}:\n{said}")
        self._no_orphans(_ORPHANS_WITHIN_S, agents=False)
        self.poisoned += poison(self.folder / f"{driver.name}-store")

    def _no_orphans(self, within_s: float, agents: bool) -> None:
        left, seconds = outliving(self.mark, within_s, agents)
        if not agents:
            self.orphan_s = max(self.orphan_s, seconds)
        if left:
            self.wrong.append(f"still there after {seconds:.0f} s: {[one.title for one in left]}")

    def _judge(self, name: str, watch: CommitWatch) -> None:
        self._no_orphans(_AGENTS_WITHIN_S, agents=True)
        out = self.folder / f"{name}-run"
        commits = watch.commits("trials")
        self.committed += len(commits)
        twice = [key for key, count in commits.items() if count > 1]
        self.wrong += [f"{name}: {line}" for line in unfinished(out)]
        self.wrong += [f"{name}: {line}" for line in differences(out, self.folder / "unbroken-run")]
        self.wrong += [f"{name}: trial {key} was committed more than once" for key in twice]
        self._log(f"{name}: {len(commits)} trials committed, {len(twice)} of them twice")

    def _start(self, name: str) -> Driver:
        self.starts += name != "unbroken"
        return Driver(name, self.folder, self.mark)

    def _log(self, line: str) -> None:
        self.say(f"{time.monotonic() - self.began:7.1f} s  {line}")


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    return {stage: round(value, 1) for stage, value in seconds.items()}
