"""Sample how busy the machine's first GPU is and how much of its memory is taken, by nvidia-smi."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator

import numpy as np

_EVERY_MS = 500
_QUERY = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "--id=0")


class Utilisation:
    """Samples while the block runs; without nvidia-smi there is nothing to tell."""

    def __init__(self) -> None:
        self.samples: list[tuple[float, float]] = []  # percent, MiB
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Utilisation:
        if program := shutil.which("nvidia-smi"):
            command = [program, *_QUERY, f"--loop-ms={_EVERY_MS}"]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if sample := parsed(line):
                self.samples.append(sample)

    def summary(self) -> Iterator[tuple[str, float, str]]:
        if not self.samples:
            return
        busy, memory = np.array(self.samples).T
        yield "GPU utilisation, mean", float(busy.mean()), "%"
        yield "GPU utilisation, share of the time above 50 %", float((busy > 50).mean()), ""
        for number, tenth in enumerate(np.array_split(busy, 10), 1):
            if len(tenth):
                yield f"GPU utilisation, tenth {number} of the time", float(tenth.mean()), "%"
        yield "GPU memory, peak", float(memory.max()) * 2**20 / 1e9, "GB"


def parsed(line: str) -> tuple[float, float] | None:
    """Utilisation in percent and memory in MiB; None for a line without both."""
    try:
        busy, memory = (float(value) for value in line.split(","))
    except ValueError:
        return None
    return busy, memory
