"""Faults in Ray's workers, without a line for them in the project itself.

Python imports a `sitecustomize` that it finds on PYTHONPATH. This one waits for the modules of
`_WRAPPED` to be imported and wraps what they do by the rules in the file that SWEEPER_FAULTS
names, JSON: `[{"cell": regular expression, "draw": n, "fault": one of _FAULTS,
"once": bool}]`; without the file there are no faults. Every fault that happens adds a line to the
file SWEEPER_FAULTS_LOG.
"""

import importlib.machinery
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any


def _raise() -> None:
    raise LookupError("a fault <b>raised</b> on purpose")


def _memory() -> None:
    raise MemoryError("a fault on purpose")


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


_FAULTS = {"raise": _raise, "memory": _memory, "kill": _kill}


def _happens(place: str, spec: Any) -> str:
    """The fault that a rule sets for this trial at this place, entered in the log."""
    log = Path(os.environ["SWEEPER_FAULTS_LOG"])
    rules = Path(os.environ["SWEEPER_FAULTS"])
    for rule in json.loads(rules.read_text()) if rules.exists() else []:
        line = f"{place} {rule['fault']} {spec.cell} {spec.draw}"
        past = log.read_text().splitlines() if log.exists() else []
        if (
            rule.get("place", "train") == place
            and re.fullmatch(rule["cell"], spec.cell)
            and rule.get("draw", spec.draw) == spec.draw
            and not (rule.get("once") and line in past)
        ):
            with log.open("a") as stream:
                stream.write(f"{line}\n")
            return str(rule["fault"])
    return ""


def _wrap_trial(module: Any) -> None:
    loop_module: Any = sys.modules["trainables.loop"]
    train, loop = module._train, loop_module.train

    def faulty(spec: Any, *rest: Any) -> Any:
        fault = _happens("train", spec)
        if fault in _FAULTS:
            _FAULTS[fault]()
        loop_module.train = _diverging(loop) if fault == "nan" else loop
        return train(spec, *rest)

    module._train = faulty


def _diverging(loop: Any) -> Any:
    def train(module: Any, rows: Any, validation: Any, *rest: Any, **named: Any) -> Any:
        for weight in module.parameters():
            weight.data.fill_(float("nan"))
        return loop(module, rows, validation, *rest, **named)

    return train


def _wrap_champions(module: Any) -> None:
    trained = module.TrialParts.trained

    def faulty(parts: Any) -> Any:
        fault = _happens("champion", parts.spec)
        if fault:
            _FAULTS[fault]()
        return trained(parts)

    module.TrialParts.trained = faulty


def _wrap_states(module: Any) -> None:
    """Faults right after a checkpoint was kept."""
    begin, offer = module.KeptStates.__init__, module.KeptStates.offer

    def begins(states: Any, store: Any, spec: Any, *rest: Any) -> None:
        states.spec = spec
        begin(states, store, spec, *rest)

    def faulty(states: Any, make: Any) -> None:
        offer(states, make)
        if fault := states.find() and _happens("kept", states.spec):
            _FAULTS[fault]()

    module.KeptStates.__init__, module.KeptStates.offer = begins, faulty


_WRAPPED = {
    "sweeper.run.trial": _wrap_trial,
    "sweeper.run.champions": _wrap_champions,
    "sweeper.run.kept_states": _wrap_states,
}


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name not in _WRAPPED:
            return None
        spec: Any = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            _WRAPPED[name](module)

        spec.loader.exec_module = exec_module
        return spec


if "SWEEPER_FAULTS" in os.environ:
    sys.meta_path.insert(0, _Finder)
