"""Live progress: one panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import rich.progress
from rich.console import Console, RenderableType
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_LINE_EVERY_S = 10.0
_FIRST_LINE_S = 2.0
_CHECK_EVERY_S = 0.2


class Progress:
    """Shows the current stage: what is done, its rate and the time left.

    with Progress() as progress:
        progress.start("extract resnet50", total=1200, unit="images")
        progress.reach(64)
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=False, highlight=False, file=sys.stdout)
        self.panel = _Panel(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=30),
            _StatusColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            refresh_per_second=4,
            speed_estimate_period=math.inf,  # a single trial may take hours
            get_time=time.monotonic,
        )
        self.last_line = time.monotonic()
        self._stage: Task | None = None
        self._over = threading.Event()

    def __enter__(self) -> Progress:
        self.panel.start()
        if not self.console.is_terminal:
            threading.Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self.panel.stop()

    @property
    def current(self) -> Task | None:
        """The innermost step, or else the stage."""
        return self.panel.tasks[-1] if self.panel.tasks else None

    @contextmanager
    def during(self, name: str, total: int = 0, unit: str = "") -> Iterator[None]:
        """A step that leaves no line: shown while it lasts on a terminal, elsewhere only if it
        takes more than two seconds. Give `total` and `unit` if progress is counted (`reach`)."""
        step = self._add(name, total, unit)
        try:
            yield
        finally:
            self.panel.remove_task(step.id)

    def start(self, name: str, total: int, unit: str) -> None:
        """Begin a stage of `total` units."""
        self._remove_stage()
        self._stage = self._add(name, total, unit)
        if not self.console.is_terminal:
            self._say(f"{name}: {total} {unit}")

    def reach(self, done: int) -> None:
        """Units done so far."""
        if task := self.current:
            self.panel.update(task.id, completed=done)

    def count(self, state: str) -> None:
        """One more unit done, with its state (`done`, `stopped`, `failed`)."""
        if task := self.current:
            task.fields["states"][state] += 1
            self.panel.advance(task.id)

    def finish(self, note: str = "") -> None:
        """End the stage; its line stays."""
        if task := self._stage:
            done = f"{task.completed:>6.0f} {task.fields['unit']}"
            parts = [f"{task.description:<24}", done, f"{task.elapsed or 0.0:7.1f} s"]
            parts += [part for part in (_rate(task), _states(task), note) if part]
            self._say("  ".join(parts))
        self._remove_stage()

    def skip(self, name: str, note: str) -> None:
        """A stage with nothing to do."""
        self._say(f"{name:<24}  {note}")

    def _add(self, name: str, total: int, unit: str) -> Task:
        task_id = self.panel.add_task(name, total=total or None, unit=unit, states=Counter())
        self.panel.advance(task_id, 0)  # the rate counts from here, not from the first unit
        return self.panel.tasks[-1]

    def _remove_stage(self) -> None:
        if self._stage:
            self.panel.remove_task(self._stage.id)
        self._stage = None

    def _say(self, line: str) -> None:
        self.last_line = time.monotonic()
        if self.console.is_terminal:
            self.console.print(line, markup=False)
        else:
            print(line, file=self.console.file, flush=True)

    def _break_silence(self) -> None:
        while not self._over.wait(_CHECK_EVERY_S):
            try:
                self._report_if_due()
            except (OSError, ValueError):  # nobody reads it: the main thread finds that too
                return

    def _report_if_due(self) -> None:
        """Print where the current step is, every two seconds at first and every ten later."""
        if not (task := self.current):
            return
        elapsed = task.elapsed or 0.0
        due = min(_LINE_EVERY_S, max(_FIRST_LINE_S, elapsed / 5)) - _CHECK_EVERY_S
        if min(elapsed, time.monotonic() - self.last_line) >= due:
            self._say(f"{task.description}: {_status(task)}")


class _Panel(rich.progress.Progress):
    """One row, of what was begun last."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks[-1:])


class _StatusColumn(ProgressColumn):
    """Units, states, rate and time left of a task, as in a plain line."""

    def render(self, task: Task) -> Text:
        return Text(_status(task))


def _status(task: Task) -> str:
    if task.total is None:
        return f"{task.elapsed or 0.0:.0f} s"
    done = f"{task.completed:.0f} of {task.total:.0f} {task.fields['unit']}"
    return ", ".join(filter(None, (done, _states(task), _rate(task), _left(task))))


def _states(task: Task) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(task.fields["states"].items()))


def _rate(task: Task) -> str:
    if not task.speed or (task.elapsed or 0.0) <= 0.5:
        return ""
    if task.speed < 1:
        return f"{1 / task.speed:.1f} s/{task.fields['unit'].removesuffix('s')}"
    return f"{task.speed:.1f} {task.fields['unit']}/s"


def _left(task: Task) -> str:
    if task.time_remaining is None:
        return f"{task.elapsed or 0.0:.0f} s so far"
    return f"{TimeRemainingColumn().render(task).plain} left"
