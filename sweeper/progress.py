"""Live progress: one panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

_PLAIN_EVERY_S = 10.0
_SILENCE_S = 2.0  # at most, at first: of a stage that takes long, a line every ten seconds
_LOOK_EVERY_S = 0.2


class Progress:
    """Shows the stage at work, what it has done, its rate and the time left.

    with Progress() as progress:
        progress.start("extract resnet50", total=1200, unit="images")
        progress.reach(64)
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=False, highlight=False, file=sys.stdout)
        self.name, self.unit, self.total, self.done = "", "", 0, 0
        self.states: Counter[str] = Counter()
        self.started = self.last_line = time.monotonic()
        self.live = Live(console=self.console, refresh_per_second=4, get_renderable=self._panel)
        self._over = threading.Event()

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.live.start()
        else:
            threading.Thread(target=self._break_silence, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self.console.is_terminal:
            self.live.stop()

    @contextmanager
    def during(self, name: str, total: int = 0, unit: str = "") -> Iterator[None]:
        """A step that leaves no line: shown while it lasts, on a terminal; elsewhere told where it
        takes more than two seconds. `total` and `unit` where what is done is counted (`reach`)."""
        before = self.name, self.total, self.unit, self.done, self.started
        self.name, self.total, self.unit, self.done = name, total, unit, 0
        self.started = time.monotonic()
        try:
            yield
        finally:
            self.name, self.total, self.unit, self.done, self.started = before

    def start(self, name: str, total: int, unit: str) -> None:
        """Begin a stage of `total` units."""
        self.name, self.total, self.unit, self.done = name, total, unit, 0
        self.states.clear()
        self.started = self.last_line = time.monotonic()
        if not self.console.is_terminal:
            self._say(f"{name}: {total} {unit}")

    def reach(self, done: int) -> None:
        """Units done so far."""
        self.done = done
        self._maybe_line()

    def count(self, state: str) -> None:
        """One more unit done, with its state (`done`, `stopped`, `failed`)."""
        self.states[state] += 1
        self.reach(self.done + 1)

    def finish(self, note: str = "") -> None:
        """End the stage; its line stays."""
        seconds = time.monotonic() - self.started
        parts = [f"{self.name:<24}", f"{self.done:>6} {self.unit}", f"{seconds:7.1f} s"]
        parts += [part for part in (self._rate(), self._states(), note) if part]
        self._say("  ".join(parts))
        self.name = ""

    def skip(self, name: str, note: str) -> None:
        """A stage with nothing to do."""
        self._say(f"{name:<24}  {note}")

    def _say(self, line: str) -> None:
        self.last_line = time.monotonic()
        if self.console.is_terminal:
            self.live.console.print(line)
        else:
            print(line, file=self.console.file, flush=True)

    def _maybe_line(self) -> None:
        if self.console.is_terminal or time.monotonic() - self.last_line < _PLAIN_EVERY_S:
            return
        self._say(f"{self.name}: {self._status()}")

    def _break_silence(self) -> None:
        """Say what is at work where nothing else has been said for a while."""
        while not self._over.wait(_LOOK_EVERY_S):
            now = time.monotonic()
            patience = min(_PLAIN_EVERY_S, max(_SILENCE_S, (now - self.started) / 5))
            if not self.name:
                continue
            if now - self.last_line >= patience - _LOOK_EVERY_S:
                try:
                    self._say(f"{self.name}: {self._status()}")
                except (OSError, ValueError):  # nobody reads it: the main thread finds that too
                    return

    def _status(self) -> str:
        if not self.total:
            return f"{time.monotonic() - self.started:.0f} s"
        parts = [f"{self.done} of {self.total} {self.unit}", self._states(), self._rate()]
        return ", ".join([part for part in parts if part] + [self._left()])

    def _rate(self) -> str:
        seconds = time.monotonic() - self.started
        if not self.done or seconds <= 0.5:
            return ""
        if self.done < seconds:
            return f"{seconds / self.done:.1f} s/{self.unit.removesuffix('s')}"
        return f"{self.done / seconds:.1f} {self.unit}/s"

    def _states(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))

    def _left(self) -> str:
        elapsed = time.monotonic() - self.started
        if not self.done:
            return "starting" if elapsed < _SILENCE_S else f"{elapsed:.0f} s so far"
        seconds = elapsed / self.done * (self.total - self.done)
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s left"

    def _panel(self) -> Table:
        table = Table.grid(padding=(0, 2))
        if self.name:
            width = 30
            filled = round(width * self.done / max(1, self.total))
            line = "━" if self.console.encoding.lower().startswith("utf") else "-"
            bar = f"[green]{line * filled}[/green][dim]{line * (width - filled)}[/dim]"
            table.add_row(f"[bold]{self.name}[/bold]", bar, self._status())
        return table
