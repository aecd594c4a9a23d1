"""Run benchmarks: `python -m benchmarks [NAME] [options]`; all of them without a name.

Each compares both sides in one run, prints a table and writes `runs/bench/<name>.json`.
"""

from __future__ import annotations

import sys

from benchmarks import (
    cell,
    duplicates,
    grid,
    growth,
    ingest,
    limit,
    overhead,
    predict,
    remote,
    scale,
    statistics,
    whole,
)

BENCHMARKS = {
    "overhead": overhead.main,
    "ingest": ingest.main,
    "limit": limit.main,
    "duplicates": duplicates.main,
    "grid": grid.main,
    "growth": growth.main,
    "cell": cell.main,
    "whole": whole.main,
    "statistics": statistics.main,
    "scale": scale.main,
    "predict": predict.main,
    "remote": remote.main,
}


def main(arguments: list[str]) -> None:
    if arguments and arguments[0] in BENCHMARKS:
        BENCHMARKS[arguments[0]](arguments[1:])
        return
    if arguments:
        sys.exit(f"error: benchmark '{arguments[0]}': expected one of {', '.join(BENCHMARKS)}")
    for benchmark in BENCHMARKS.values():
        benchmark([])


if __name__ == "__main__":
    main(sys.argv[1:])
