"""Seconds of engine overhead for each trial: the runner on trials that do nothing.

python -m benchmarks overhead [--trials 60 600 5000]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from ray import tune

from benchmarks.report import tell
from sweeper.ray.asha import CellAsha
from sweeper.ray.session import ray_session
from sweeper.ray.trials import run_configs


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--trials", nargs="+", type=int, default=[60, 600, 5000])
    options = parser.parse_args(arguments)
    rows = []
    with ray_session(None, 0, 1) as resources:
        for count in options.trials:
            configs = [config_of(number) for number in range(count)]
            started = time.perf_counter()
            run_configs(do_nothing, configs, CellAsha(), {"cpu": 1.0}, [], reuse_actors=True)
            seconds = time.perf_counter() - started
            rows.append(
                {
                    "trials": count,
                    "seconds": seconds,
                    "s_per_trial": seconds / count,
                    "at_once": resources.slots,
                }
            )
    tell("overhead", rows, {})


def config_of(number: int) -> dict[str, Any]:
    return {"key": f"{number:032x}", "spec": {"cell": f"cell{number % 60}", "draw": number // 60}}


def do_nothing(config: dict[str, Any]) -> None:
    tune.report({"epoch": 1, "best_val_score": 0.5, "finite": True, "failed": False})
