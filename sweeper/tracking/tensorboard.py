"""TensorBoard: event files in a folder, `<folder>/<run>/<trial>/`.

Shows curves of every trial, and the results of cells under HParams. It has no place for the page
and the models; they are in the run's folder. The writer comes with Ray.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from sweeper.tracking.tracker import CellResult, Curve, Entry, State, TrialName, points

_MOST_OPEN = 32  # files; a trial that is logged again later gets another one


class TensorBoard:
    """Writes event files, of each trial in a folder of its own."""

    def __init__(self, target: str, run: str, state: State) -> None:
        self.state = state
        self._folder = Path(target) / run
        self._files: OrderedDict[str, _EventFile] = OrderedDict()

    def epochs(self, trial: TrialName, first: int, curve: Curve) -> None:
        from tensorboardX.summary import scalar

        file = self._file(trial.text)
        for number, epoch in points(first, curve):
            for name, value in epoch.items():
                part, _, what = name.partition("_")
                file.add(scalar(f"{what}/{part}" if what else name, value), number)
        file.flush()

    def cell(self, result: CellResult) -> None:
        """As a row of HParams: the champion's hyperparameters and the test metrics."""
        from tensorboardX.summary import hparams, scalar

        champion = result.champion
        settings = {
            "cell": champion.cell,
            **{name: _plain(value) for name, value in champion.hyperparameters.items()},
        }
        metrics = {f"test/{name}": value for name, value in result.metrics.items()}
        file = self._file(f"{champion.cell}/test-{champion.key}")
        for summary in hparams(settings, metrics):
            file.add(summary, 0)
        for name, value in metrics.items():
            file.add(scalar(name, value), 0)
        file.flush()

    def page(self, page: Path) -> None:
        """TensorBoard has no place for it."""

    def close(self) -> None:
        while self._files:
            self._files.popitem()[1].close()

    def _file(self, name: str) -> _EventFile:
        """The open file of a folder."""
        if name not in self._files:
            if len(self._files) >= _MOST_OPEN:
                self._files.popitem(last=False)[1].close()
            self._files[name] = _EventFile(self._folder / name)
        self._files.move_to_end(name)
        return self._files[name]


class _EventFile:
    """An event file that is written at once: `SummaryWriter` writes in a thread, so that what it
    has flushed may still be missing. Its name ends in the nanosecond, because files of one folder
    that were opened in one second would have one name."""

    def __init__(self, folder: Path) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"), f".{time.time_ns()}")

    def add(self, summary: Any, step: int) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._writer.write_event(Event(summary=summary, wall_time=time.time(), step=step))

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _plain(value: Any) -> str | float | int:
    return value if isinstance(value, int | float | str) else str(value)


ENTRY = Entry(
    "tensorboard", "Folder that gets event files for TensorBoard", "tensorboardX", "", TensorBoard
)
