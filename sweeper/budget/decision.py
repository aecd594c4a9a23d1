"""The decision what a run with a budget does, kept in its folder so that resuming repeats it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeper.budget.choice import TooLittleTime, choose, left_out_texts
from sweeper.budget.duration import duration_text
from sweeper.budget.settings import Settings, with_settings
from sweeper.config.schema import Config
from sweeper.errors import ConfigError
from sweeper.estimate.cost import Estimate, sizes_of
from sweeper.estimate.machine import learnt_speeds, measured_speeds, slots_of
from sweeper.estimate.span import Span
from sweeper.estimate.speed import Speeds
from sweeper.estimate.table import seconds_text
from sweeper.plan.collect import Collection, collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.progress import Progress
from sweeper.store.store import Store

FILE = "budget.json"
_NOT_ASKED = {"name", "store", "resources"}  # keys that change no result


@dataclass(frozen=True)
class Decision:
    """A budget, the keys of the configuration that it changes, and what is left out, in words.

    `asked`: identifies the configuration and the images. `estimated_s`: the time needed, at least
    and at most, as estimated when the decision was made.
    """

    asked: str
    budget_s: float
    estimated_s: tuple[float, float]
    settings: Settings
    left_out: Sequence[str]

    def applied_to(self, config: Config) -> Config:
        return with_settings(config, self.settings)

    @property
    def about(self) -> dict[str, Any]:
        """Its entry of run.json."""
        return {
            "text": duration_text(self.budget_s),
            "seconds": self.budget_s,
            "estimated_s": list(self.estimated_s),
            "left_out": list(self.left_out),
            "settings": self.settings,
        }

    @property
    def text(self) -> str:
        """What was decided, in a line."""
        limit, estimated = duration_text(self.budget_s), seconds_text(Span(*self.estimated_s))
        if not self.left_out:
            return f"everything fits into {limit}: estimated {estimated}"
        return f"{estimated} of {limit}; left out to fit: {'; '.join(self.left_out)}"


def decide(
    config: Config, budget_s: float, out: Path, progress: Progress
) -> tuple[Decision, Speeds]:
    """The decision kept in the run's folder `out` for these images, configuration and budget, or a
    new one, which measures this machine for some seconds; and the speeds that are known then.

    Raises ConfigError if not even the smallest experiment fits, and what `Plan` raises.
    """
    store = Store(config.store)
    collection = collect(config.data, store, progress)
    ledger, asked = Ledger(Plan(config, collection, store)), _identity(config, collection)
    sizes, slots = sizes_of(ledger), slots_of(config.resources)[0]
    if kept := _kept(out, asked, budget_s):
        return kept, learnt_speeds(ledger, sizes, out)
    with progress.during("measure this machine"):
        speeds = measured_speeds(ledger, sizes, out)

    def cost_of(candidate: Config) -> Span:
        return Estimate(Ledger(Plan(candidate, collection, store)), speeds, sizes, slots).wall_s

    with progress.during("choose what fits"):
        try:
            choice = choose(config, budget_s, cost_of)
        except TooLittleTime as error:
            raise ConfigError([_too_little(budget_s, error.cost_s)]) from None
    estimated = choice.cost_s.low, choice.cost_s.high
    left_out = list(left_out_texts(choice, seconds_text))
    return Decision(asked, budget_s, estimated, choice.settings, left_out), speeds


def keep(decision: Decision, out: Path) -> None:
    """Write the decision into the run's folder."""
    text = json.dumps(asdict(decision), indent=1) + "\n"
    (out / "results" / FILE).write_text(text, encoding="utf-8")


def _kept(out: Path, asked: str, budget_s: float) -> Decision | None:
    try:
        found = Decision(**json.loads((out / "results" / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.asked, found.budget_s) == (asked, budget_s) else None


def _identity(config: Config, collection: Collection) -> str:
    wanted = config.model_dump(mode="json", exclude=_NOT_ASKED)
    text = json.dumps([wanted, collection.hash], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _too_little(budget_s: float, needed: Span) -> str:
    return (
        f"--budget: {duration_text(budget_s)} is too short; the smallest experiment (one entry of "
        f"each axis, one draw) takes {seconds_text(needed)}; allow that, or reduce the images, "
        "preprocess.image_size or search.epochs"
    )
