"""What is known of this machine: how many trials run at a time, and how fast."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sweeper.config.schema import ResourcesSection
from sweeper.estimate.speed import Speeds, learn_from_records, learn_from_run
from sweeper.plan.ledger import Ledger
from trainables.gpus import gpu_names
from trainables.network_size import NetworkSize


def slots_of(resources: ResourcesSection) -> tuple[int, str]:
    """The number of concurrent trials on this machine, and what limits it: `core` or `GPU`."""
    gpus = len(gpu_names())
    per_trial = float(gpus > 0) if resources.gpus_per_trial is None else resources.gpus_per_trial
    if per_trial and gpus:
        return max(1, int(gpus / per_trial)), "GPU"
    return resources.cpus or os.cpu_count() or 1, "core"


def learnt_speeds(ledger: Ledger, sizes: Mapping[str, NetworkSize], out: Path) -> Speeds:
    """Guesses, replaced by what the last run in the folder `out` and the store teach."""
    config = ledger.plan.config
    slots, limit = slots_of(config.resources)
    speeds = Speeds(limit == "GPU")
    learn_from_run(speeds, out / "results" / "run.json", sizes, slots, ledger.plan)
    device = gpu_names()[0] if limit == "GPU" else "cpu"
    learn_from_records(speeds, ledger, sizes, device)
    return speeds


def measured_speeds(ledger: Ledger, sizes: Mapping[str, NetworkSize], out: Path) -> Speeds:
    """As `learnt_speeds`, with a measurement of some seconds in place of them all."""
    import torch

    from sweeper.estimate.timing import measure

    speeds = learnt_speeds(ledger, sizes, out)
    on_gpu = slots_of(ledger.plan.config.resources)[1] == "GPU"
    measure(speeds, ledger.plan, sizes, torch.device("cuda" if on_gpu else "cpu"))
    return speeds
