"""Suggest a cell's next draws from the results of its earlier ones, with Optuna's TPE sampler.

    search: {sampler: optuna, draws: 16, round: 4}

Draws come in rounds: the first is that of the balanced draws (`search`), and each later one is a
function of the results of all rounds before it. The study is rebuilt from the store's records for
every round, with a seed from the cell's own first trial, so nothing is kept in memory: a resumed
run suggests what the unbroken one would have. The size of a round is a setting and not the number
of processors, so draws do not depend on how many trials run at once, or on which ends first.

TPE: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"; within a round, draws
that have no result yet are taken for bad ones, which spreads them (`constant_liar`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeper.config.search_space import Range, Space
from sweeper.plan.search import Draw

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_MOST_ASKED = 20  # for each draw wanted; finite spaces repeat


@dataclass(frozen=True)
class Result:
    """A draw that was trained. `score`: its best on validation, higher is better; None if it
    failed. `stopped_at`: the epoch at which ASHA stopped it; None if it finished."""

    draw: Draw
    score: float | None
    stopped_at: int | None = None


def suggest(
    results: Sequence[Result],
    space: Mapping[str, Space],
    count: int,
    seed: str,
    settle: Callable[[Draw], Draw],
) -> list[Draw]:
    """Up to `count` draws unlike those of `results` and each other; fewer if hardly any are left.

    `seed` names the round. `settle` maps draws that train alike to one.
    """
    study = _study(results, space, seed)
    known = {_identity(result.draw) for result in results}
    found: list[Draw] = []
    for _ in range(_MOST_ASKED * count):
        if len(found) == count:
            break
        asked = study.ask(_distributions(space))
        one = settle({name: _value(asked.params, name, space[name]) for name in space})
        if (key := _identity(one)) not in known:
            known.add(key)
            found.append(one)
    return found


def _identity(draw: Draw) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(draw.items(), key=lambda item: item[0]))


def _study(results: Sequence[Result], space: Mapping[str, Space], seed: str) -> Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    sampler = optuna.samplers.TPESampler(seed=number, n_startup_trials=1, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([one for result in results if (one := _frozen(result, space))])
    return study


def _frozen(result: Result, space: Mapping[str, Space]) -> FrozenTrial | None:
    """A result as Optuna knows it; None for one without a score, or with a value that is not in the
    space, as that of a draw whose hyperparameter had no effect."""
    from optuna.trial import TrialState, create_trial

    if result.score is None:
        return None
    distributions = _distributions(space)
    params = {name: _param(result.draw[name], space[name]) for name in distributions}
    if None in params.values():
        return None
    if result.stopped_at is not None:
        return create_trial(
            state=TrialState.PRUNED,
            params=params,
            distributions=distributions,
            intermediate_values={result.stopped_at: result.score},
        )
    return create_trial(value=result.score, params=params, distributions=distributions)


def _distributions(space: Mapping[str, Space]) -> dict[str, BaseDistribution]:
    """Optuna's search space: what is not fixed. A list becomes the numbers of its values."""
    from optuna import distributions

    found: dict[str, BaseDistribution] = {}
    for name, one in space.items():
        if isinstance(one, list):
            if len(one) > 1:
                found[name] = distributions.CategoricalDistribution(list(range(len(one))))
        elif one.is_whole:
            low, high = int(one.low), int(one.high)
            found[name] = distributions.IntDistribution(low, high, log=one.is_log)
        else:
            found[name] = distributions.FloatDistribution(one.low, one.high, log=one.is_log)
    return found


def _param(value: Any, space: Space) -> Any:
    """A drawn value as Optuna's parameter; None if the space does not have it."""
    if isinstance(space, Range):
        return value if space.low <= value <= space.high else None
    known = [tuple(one) if isinstance(one, list) else one for one in space]
    return known.index(value) if value in known else None


def _value(params: Mapping[str, Any], name: str, space: Space) -> Any:
    """The value that a parameter stands for."""
    if isinstance(space, Range):
        return params[name]
    value = space[params[name]] if len(space) > 1 else space[0]
    return tuple(value) if isinstance(value, list) else value
