"""Do the report's 95 % intervals cover 95 %, do its tests raise a false alarm in 5 % at most, is
the order of two published accuracies wrong as often as `check-table` prints, which metric
should validation decide by, and are alike subgroups said to differ?

python -m benchmarks statistics [--times 300]

Simulated experiments (`worlds`, and `learners` that really train) with known truth (`truth`), which
share no code with the report. About ten minutes on one core at 300 times.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from benchmarks.report import tell
from benchmarks.statistics.alarms import GRIDS, GRIDS_IN_OTHER_METRICS, false_alarms
from benchmarks.statistics.choosing import CONTESTS, choices
from benchmarks.statistics.claims import SIZES, congruent_claims, false_claims
from benchmarks.statistics.claims import WORLDS as CLAIMS
from benchmarks.statistics.compared import METRICS, PAIRS, compared
from benchmarks.statistics.coverage import LEARNED, WORLDS, coverage
from benchmarks.statistics.diagnoses import NAMES, RULES, diagnoses
from benchmarks.statistics.subgroups import WORLDS as PEOPLE
from benchmarks.statistics.subgroups import found_gaps


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks statistics", description=__doc__)
    parser.add_argument(
        "--times", type=int, default=300, help="intervals of each metric, and runs of each grid"
    )
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for name, world in (WORLDS | LEARNED).items():
        runs = max(1, options.times if len(world.skills) == 1 else options.times // 3)
        for metric, one in coverage(name, runs).items():
            numbers = {"share": one.share, "half_width": one.half_width, "trainings": one.trainings}
            rows.append({"of": name, "metric": metric, **numbers})
    tell("statistics coverage", rows, {"times": options.times})
    alarms = [
        {"of": name, "alarm": alarm, "share": share}
        for name in GRIDS
        for alarm, share in false_alarms(name, options.times).items()
    ]
    tell("statistics false alarms", alarms, {"times": options.times})
    others = [
        {"of": name, "metric": metric, "alarm": alarm, "share": share}
        for name in GRIDS_IN_OTHER_METRICS
        for metric in METRICS
        for alarm, share in false_alarms(name, options.times // 2, metric=metric).items()
    ]
    tell("statistics false alarms in other metrics", others, {"times": options.times // 2})
    differences = [
        {"of": name, "metric": metric, **asdict(one)}
        for name in PAIRS
        for metric, one in compared(name, options.times // 2).items()
    ]
    tell("statistics compared", differences, {"times": options.times // 2})
    draws = 300 * options.times
    tell("statistics orders", congruent_claims(12, 4 * draws), {"draws": 4 * draws})
    claims = [row for name in CLAIMS for n in SIZES for row in false_claims(name, n, draws)]
    tell("statistics claims", claims, {"draws": draws})
    chosen = [
        {"of": name, "by": chooser, **asdict(one)}
        for name in CONTESTS
        for chooser, one in choices(name, options.times).items()
    ]
    tell("statistics choosing", chosen, {"times": options.times})
    diagnosed = [
        {"of": name, "rule": rule, **diagnoses(name, RULES[rule], options.times // 2)}
        for name in NAMES
        for rule in RULES
    ]
    tell("statistics diagnoses", diagnosed, {"times": options.times // 2})
    subgroups = [{"of": name, **found_gaps(name, options.times)} for name in PEOPLE]
    tell("statistics subgroups", subgroups, {"times": options.times})
