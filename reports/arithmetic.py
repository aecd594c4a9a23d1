"""In which arithmetic, and on which devices, a run's trials were computed.

`finetune.precision: auto` and one store for several machines let a run combine trials of different
arithmetic. Their keys are equal, so that is said wherever they meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports import wording
from reports.run import Run, records
from reports.savings import distinct_trials


@dataclass(frozen=True)
class Computed:
    """The trials of one strategy that were computed alike."""

    strategy: str
    precision: str
    device: str
    trials: int

    @property
    def text(self) -> str:
        return f"{wording.count(self.trials)} in {self.precision} on {self.device}"


def computed(run: Run) -> list[Computed]:
    """By strategy, precision and device; of the trials whose record names all three."""
    trials = distinct_trials(run)
    trials = trials[trials["precision"].notna() & (trials["device"].fillna("") != "")]
    counts = trials.groupby(["strategy", "precision", "device"], as_index=False).size()
    return [
        Computed(row["strategy"], row["precision"], row["device"], int(row["size"]))
        for row in records(counts)
    ]


def arithmetic_lines(run: Run) -> Iterator[tuple[str, str]]:
    """The title of each strategy, and how its trials were computed."""
    for strategy, own in _by_strategy(run).items():
        yield wording.strategy(strategy), ", ".join(one.text for one in own)


def mixed(run: Run) -> Iterator[str]:
    """A sentence for each strategy whose trials differ in precision."""
    for strategy, own in _by_strategy(run).items():
        if len({one.precision for one in own}) > 1:
            texts = ", ".join(one.text for one in own)
            yield (
                f"{wording.strategy(strategy)} trials of different arithmetic are compared "
                f"({texts}); set finetune.precision=float32 or bfloat16 to compute all alike"
            )


def _by_strategy(run: Run) -> dict[str, list[Computed]]:
    found: dict[str, list[Computed]] = {}
    for one in computed(run):
        found.setdefault(one.strategy, []).append(one)
    return found
