"""The command `python sweep.py plan`: show what a run would do, and its cost."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sweeper.commands.output_folder import run_folder
from sweeper.config.load import load_chosen_config
from sweeper.config.schema import Config, ResourcesSection
from sweeper.errors import ConfigError
from sweeper.progress import Progress
from sweeper.store.address import is_remote

if TYPE_CHECKING:
    from sweeper.estimate.cost import Estimate
    from sweeper.plan.ledger import Ledger


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan` besides the config."""
    parser.add_argument(
        "--measure", action="store_true", help="benchmark this machine for a few seconds"
    )
    parser.add_argument(
        "--price-per-hour",
        type=_price,
        metavar="NUMBER",
        help="price of the machine; adds the price of the run",
    )


def plan_run(options: argparse.Namespace, command: str) -> int:
    """Print cells, trials and the estimate; returns 0.

    Raises ConfigError for everything that a run would refuse.
    """
    config = load_chosen_config(options.config, options.overrides)
    out = run_folder(config, options.out)
    with Progress() as progress:
        with progress.during("load torch"):
            from sweeper.estimate.table import cost_lines
            from sweeper.plan.foreseen import refusals, warnings
            from sweeper.plan.ledger import Ledger
            from sweeper.plan.start import make_plan
            from sweeper.stage_times import StageTimes
        with _store_outside_images(config) as config:
            ledger = Ledger(make_plan(config, progress, StageTimes()))
            with progress.during("estimate"):
                lines = list(ledger.summary())
                slots, device = slots_of(config.resources)
                estimate = _estimate(ledger, slots, device, out, options.measure)
                lines += ["", *cost_lines(estimate, device, options.price_per_hour)]
                lines += [f"warning: {text}" for text in warnings(ledger.plan)]
                refused = list(refusals(ledger))
    print("\n".join(lines))
    if refused:
        raise ConfigError(refused)
    return 0


@contextmanager
def _store_outside_images(config: Config) -> Iterator[Config]:
    """Yield the config, with a temporary store if its own would be created among the images."""
    store, images = Path(config.store), config.data.path
    if is_remote(config.store) or images is None or store.exists():
        yield config
    elif store.resolve().is_relative_to(Path(images).resolve()):
        with TemporaryDirectory(prefix="sweeper-plan-") as temporary:
            yield config.model_copy(update={"store": temporary})
    else:
        yield config


def _estimate(ledger: Ledger, slots: int, device: str, out: Path, measured: bool) -> Estimate:
    from sweeper.estimate.cost import Estimate, sizes_of
    from sweeper.estimate.speed import Speeds, learn_from_records, learn_from_run

    on_gpu, sizes = device == "GPU", sizes_of(ledger)
    speeds = Speeds(on_gpu)
    size = ledger.plan.config.preprocess.image_size
    learn_from_run(speeds, out / "results" / "run.json", sizes, slots, size)
    learn_from_records(speeds, ledger, sizes, _device_name(on_gpu))
    if measured:
        import torch

        from sweeper.estimate.timing import measure

        measure(speeds, ledger.plan, sizes, torch.device("cuda" if on_gpu else "cpu"))
    return Estimate(ledger, speeds, sizes, slots)


def slots_of(resources: ResourcesSection) -> tuple[int, str]:
    """The number of concurrent trials on this machine, and what limits it: `core` or `GPU`."""
    import torch

    gpus = torch.cuda.device_count()
    per_trial = float(gpus > 0) if resources.gpus_per_trial is None else resources.gpus_per_trial
    if per_trial and gpus:
        return max(1, int(gpus / per_trial)), "GPU"
    return resources.cpus or os.cpu_count() or 1, "core"


def _device_name(on_gpu: bool) -> str:
    import torch

    return torch.cuda.get_device_name(0) if on_gpu else "cpu"


def _price(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of 0 or more")
    return value
