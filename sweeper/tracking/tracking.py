"""A run's trackers: each is given every epoch, every finished cell and the page, once.

The driver logs, so trials know nothing of trackers. While trials run, their epochs come through
Tune's results; when the tables are written, everything that the store has and a tracker has not is
given to it, such as trials that another run trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import ResourceError, one_line
from sweeper.tracking import TRACKERS
from sweeper.tracking.journal import Given, Journal
from sweeper.tracking.tracker import CellResult, Tracker, TrialName


@dataclass
class _Open:
    name: str
    tracker: Tracker
    given: Given
    errors: tuple[type[Exception], ...]


class Tracking:
    """The open trackers of a run; without any, all of this does nothing.

    A tracker that stops answering is dropped with a warning: the run goes on, and the next one
    gives it what it has missed.
    """

    def __init__(
        self, targets: Mapping[str, str], run: str, folder: Path, warn: Callable[[str], None]
    ) -> None:
        """Open them. Raises ResourceError for one that cannot be opened.

        Args:
            targets: tracker -> target, as the configuration has them.
            run: the run's name.
            folder: of the run, for the journal.
            warn: is given a line for a tracker that is dropped.
        """
        self._journal, self._warn = Journal(folder), warn
        self._open = [
            _opened(name, target, run, self._journal.of(name, target))
            for name, target in targets.items()
        ]
        self._write()

    def __bool__(self) -> bool:
        return bool(self._open)

    def epochs(self, trial: TrialName, curve: Sequence[Mapping[str, Any]]) -> None:
        """Log what is new of a trial's curve."""

        def log(one: _Open) -> None:
            known = one.given.epochs.get(trial.key, 0)
            if new := list(curve[known:]):
                one.tracker.epochs(trial, known + 1, new)
                one.given.epochs[trial.key] = len(curve)

        self._each(log)

    def missing_cells(self, champions: Mapping[str, str]) -> list[str]:
        """The cells whose champion some tracker has not been given. `champions`: cell -> key."""
        return [
            cell
            for cell, key in champions.items()
            if any(one.given.cells.get(cell) != key for one in self._open)
        ]

    def cell(self, result: CellResult) -> None:
        """Log the result of a finished cell."""
        cell, key = result.champion.cell, result.champion.key

        def log(one: _Open) -> None:
            if one.given.cells.get(cell) != key:
                one.tracker.cell(result)
                one.given.cells[cell] = key

        self._each(log)

    def page(self, page: Path) -> None:
        """Log the page, if it is another one than the last time."""
        content = hashlib.sha256(page.read_bytes()).hexdigest()

        def log(one: _Open) -> None:
            if one.given.page != content:
                one.tracker.page(page)
                one.given.page = content

        self._each(log)

    def close(self) -> None:
        """Close the trackers."""
        self._each(lambda one: one.tracker.close())

    def _each(self, log: Callable[[_Open], None]) -> None:
        """Log with each tracker, and note what it has been given."""
        for one in list(self._open):
            try:
                log(one)
            except one.errors as error:
                self._open.remove(one)
                self._warn(
                    f"tracking.{one.name}: {one_line(str(error))}; run again to log the rest"
                )
            self._write()

    def _write(self) -> None:
        for one in self._open:
            one.given.state = one.tracker.state
        if self._open:
            self._journal.write()


def _opened(name: str, target: str, run: str, given: Given) -> _Open:
    entry = TRACKERS[name]
    if not entry.is_installed:
        raise ResourceError(
            f"tracking.{name}='{target}': needs the package {entry.package}; install it with "
            f"pip install -c constraints.txt '.[{entry.extra}]', or omit tracking.{name}"
        )
    errors: tuple[type[Exception], ...] = (OSError, *entry.errors())
    try:
        return _Open(name, entry.open(target, run, given.state), given, errors)
    except errors as error:
        raise ResourceError(
            f"tracking.{name}='{target}': cannot be opened ({one_line(str(error))})"
        ) from None
