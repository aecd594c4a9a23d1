"""Run `python -m benchmarks [cell | duplicates | overhead] [options]`; without a name, all of them.

Each measures what it claims in one run, prints a table and writes `runs/bench/<name>.json`.
"""

from __future__ import annotations

import sys

from benchmarks import cell, duplicates, overhead

BENCHMARKS = {"cell": cell.main, "duplicates": duplicates.main, "overhead": overhead.main}


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
