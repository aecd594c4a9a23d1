"""Peak memory of this process and all below it, Ray's included, sampled from /proc (Linux)."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path

_SECONDS = 4.0  # a sample walks the page tables of every process


class PeakMemory:
    """Samples while the block runs. `peak_bytes` leaves out pages of files that the system may drop
    (mapped activation tables); shared pages count once."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(map(_bytes_of, _family(os.getpid()))))


def _family(root: int) -> list[int]:
    """A process and everything that descends from it."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parent = _parent_of(entry)
            children[parent].append(int(entry.name))
    found, open_ones = [], [root]
    while open_ones:
        found.append(open_ones.pop())
        open_ones += children[found[-1]]
    return found


def _parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def _bytes_of(process: int) -> int:
    """Anonymous and shared-memory pages, each shared one by its part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
    return 1024 * (sizes.get("Pss_Anon", 0) + sizes.get("Pss_Shmem", 0))
