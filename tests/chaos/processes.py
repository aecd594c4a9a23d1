"""The processes of one sweep, told from everybody else's by a mark in their environment.

Linux only: reads /proc. Nothing is ever looked for by name alone, so other sweeps on the machine
are safe.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MARK = "SWEEPER_CHAOS"  # environment variable of the driver, which all that it starts inherit


@dataclass(frozen=True)
class Process:
    """A living process of the sweep. `title`: its command line, as Ray sets it for workers."""

    pid: int
    title: str

    @property
    def is_driver(self) -> bool:
        return " sweep.py run " in self.title and not self.is_worker

    @property
    def is_raylet(self) -> bool:
        return self.title.partition(" ")[0].endswith("/raylet")

    @property
    def is_agent(self) -> bool:
        """Ray's own: it ends up to a minute after its raylet, runs nothing of ours, and a raylet
        whose agent dies ends too."""
        return self.title.startswith(("ray::DashboardAgent", "ray::RuntimeEnvAgent"))

    @property
    def is_worker(self) -> bool:
        return self.title.startswith("ray::") and not self.is_agent

    @property
    def is_busy(self) -> bool:
        return self.is_worker and "IDLE" not in self.title


def marked(mark: str) -> list[Process]:
    """The living processes whose environment carries the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and folder.name != str(os.getpid()):
            try:
                is_ours = wanted in (folder / "environ").read_bytes().split(b"\0")
                title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                if is_ours and title:  # a dead one that nobody has waited for has no title
                    found.append(Process(int(folder.name), title))
            except OSError:  # it ended while we looked
                continue
    return found
