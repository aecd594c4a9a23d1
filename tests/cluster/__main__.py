"""The whole way on fake machines, as root: `python -m tests.cluster SCENARIO`, one of
local, aws, kills, kills-midway, kills-of-workers."""

from __future__ import annotations

import io
import signal
import sys

from tests.cluster.machines import missing_tools
from tests.cluster.scenarios import SCENARIOS

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SCENARIOS:
        sys.exit(f"usage: python -m tests.cluster {' | '.join(SCENARIOS)}")
    if lacking := missing_tools():
        sys.exit(f"error: this machine lacks {', '.join(lacking)}")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the machines end with it
    SCENARIOS[sys.argv[1]]()
