"""What a run may leave out to save time, by its value.

A run with a budget starts from the least that answers a question (`least`) and adds, in the order
of `additions`, whatever still fits:

1. further entries of the factors, axis by axis and in the order the configuration lists them:
   backbones, augmentations, strategies, ...
2. further scenarios
3. further draws of hyperparameters
4. explanations, then corrupted test images
5. further training seeds, then repeats of the division

Whole entries of axes are left out, so the grid stays complete and effects remain comparable.
Nothing that changes the meaning of a result is touched: images, sizes, epochs, split policies,
copies of an augmentation. Folds are given up last, for one division, if nothing else is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reports.axes import AXES, NO_AUGMENTATION, Axis, Role
from sweeper.budget.settings import Settings, value_at
from sweeper.config.axes import entries_of
from sweeper.config.schema import Config
from sweeper.strategies import STRATEGIES

_KEPT_WHOLE = ("split_policy", "fold")  # axes whose entries are not left out one by one


@dataclass(frozen=True)
class Addition:
    """Something a run can do in addition. Of a `series`, later ones contain the earlier ones.

    `text`: what is left out without it, and without those that follow in its series. `settings`:
    keys to replace. `entry`: what to put into the list at `key` instead.
    """

    text: str
    settings: Settings
    series: str = ""
    key: str = ""
    entry: Any = None

    def to(self, chosen: Settings, asked: Config) -> Settings:
        """`chosen` with the addition; lists stay in the order of the configuration."""
        if not self.key:
            return {**chosen, **self.settings}
        kept = [*chosen[self.key], self.entry]
        return {**chosen, self.key: [one for one in value_at(asked, self.key) if one in kept]}


def least(config: Config) -> Iterator[Settings]:
    """The smallest experiments that answer a question, the better one first: every axis with one
    entry, one draw, nothing but the test; then the same on one division instead of folds."""
    one: Settings = {}
    for axis in _reducible():
        one[axis.key] = [_first(config, axis)] if _is_list(config, axis) else 1
    one |= _draws(config, 1)
    if config.explain.examples:
        one |= {"explain.examples": 0}
    if config.robustness.champions != "none":
        one |= {"robustness.champions": "none"}
    yield one
    if config.split.folds:
        yield {**one, "split.folds": None}


def additions(config: Config) -> Iterator[Addition]:
    """Everything that `least` lacks, the most valuable first."""
    axes = _reducible()
    for axis in (one for role in (Role.FACTOR, Role.BLOCK) for one in axes if one.role is role):
        for entry in _others(config, axis):
            yield Addition(f"{axis.title} {entry}", {}, key=axis.key, entry=entry)
    yield from _more_draws(config)
    yield from _explanations(config)
    if config.robustness.champions != "none":
        settings = {"robustness.champions": config.robustness.champions}
        yield Addition("corrupted test images", settings, series="robustness")
    for axis in (one for one in axes if one.role is Role.TRAINING):
        yield from _more_trainings(config, axis)


def _reducible() -> list[Axis]:
    return [axis for axis in AXES if axis.name not in _KEPT_WHOLE]


def _is_list(config: Config, axis: Axis) -> bool:
    return isinstance(value_at(config, axis.key), list)


def _first(config: Config, axis: Axis) -> Any:
    """The first entry; of strategies one that needs no other, of augmentations none if listed."""
    entries = entries_of(config, axis.key)
    if axis.name == "strategy":
        return next(name for name in entries if STRATEGIES[name].parent(config) is None)
    if axis.name == "augmentation" and NO_AUGMENTATION in entries:
        return NO_AUGMENTATION
    return entries[0]


def _others(config: Config, axis: Axis) -> list[Any]:
    first = _first(config, axis)
    return [entry for entry in entries_of(config, axis.key) if entry != first]


def _more_trainings(config: Config, axis: Axis) -> Iterator[Addition]:
    others = _others(config, axis)
    for number, entry in enumerate(others):
        text = _numbered(axis.title, others[number:])
        values = [_first(config, axis), *others[: number + 1]]
        value = values if _is_list(config, axis) else entry
        yield Addition(text, {axis.key: value}, series=axis.name)


def _more_draws(config: Config) -> Iterator[Addition]:
    """Twice as many at a time."""
    done, wanted = 1, config.search.draws
    while done < wanted:
        text = _numbered("draw", range(done + 1, wanted + 1))
        done = min(2 * done, wanted)
        yield Addition(text, _draws(config, done), series="draws")


def _draws(config: Config, draws: int) -> Settings:
    own = config.finetune.draws
    return {"search.draws": draws} | ({"finetune.draws": min(own, draws)} if own else {})


def _explanations(config: Config) -> Iterator[Addition]:
    examples, per_class = config.explain.examples, config.explain.per_class
    if examples > 1:
        few = {"explain.examples": 1, "explain.per_class": 0}
        yield Addition("explanations", few, series="explanations")
    if examples:
        text = "more than one explained image" if examples > 1 else "explanations"
        full = {"explain.examples": examples, "explain.per_class": per_class}
        yield Addition(text, full, series="explanations")


def _numbered(noun: str, values: Sequence[Any]) -> str:
    """`draw 4`, `draws 3 to 8`."""
    return f"{noun} {values[0]}" if len(values) == 1 else f"{noun}s {values[0]} to {values[-1]}"
