"""The command `python sweep.py plan`: show what a run would do, and its cost."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sweeper.commands import run
from sweeper.errors import ConfigError
from sweeper.progress import Progress

if TYPE_CHECKING:
    from sweeper.config.schema import Config
    from sweeper.plan.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`."""
    run.add_arguments(parser)
    parser.add_argument(
        "--measure", action="store_true", help="benchmark this machine for a few seconds"
    )
    parser.add_argument(
        "--price-per-hour",
        type=_price,
        metavar="NUMBER",
        help="price of the machine; adds the price of the run",
    )
    parser.set_defaults(work=plan_run)


def plan_run(options: argparse.Namespace, command: str) -> int:
    """Print cells, trials and the estimate; returns 0.

    Raises ConfigError for everything that a run would refuse.
    """
    from sweeper.commands.output_folder import run_folder
    from sweeper.config.load import load_chosen_config

    config = load_chosen_config(options.config, options.overrides)
    out = run_folder(config, options.out)
    with Progress() as progress:
        with progress.during("start"):
            import sweeper.budget.decision
            import sweeper.plan.start  # noqa: F401
        with _store_outside_images(config) as config:
            lines, refused = _planned(config, out, options, progress)
    print("\n".join(lines))
    if refused:
        raise ConfigError(refused)
    return 0


def _planned(
    config: Config, out: Path, options: argparse.Namespace, progress: Progress
) -> tuple[list[str], list[str]]:
    """The lines to print, and those of what a run would refuse."""
    from sweeper.budget.decision import decide
    from sweeper.estimate import prefix_tables
    from sweeper.estimate.cost import Estimate, sizes_of
    from sweeper.estimate.machine import learnt_speeds, measured_speeds, slots_of
    from sweeper.estimate.table import cost_lines
    from sweeper.plan.foreseen import warnings, weights_lines
    from sweeper.plan.ledger import Ledger
    from sweeper.plan.start import make_plan
    from sweeper.stage_times import StageTimes

    lines, speeds = [], None
    if options.budget:
        decision, speeds = decide(config, options.budget, out, progress)
        config, lines = decision.applied_to(config), [f"budget: {decision.text}", ""]
    ledger = Ledger(make_plan(config, progress, StageTimes()))
    with progress.during("estimate"):
        slots, device = slots_of(config.resources)
        sizes = sizes_of(ledger)
        known = measured_speeds if options.measure else learnt_speeds
        estimate = Estimate(ledger, speeds or known(ledger, sizes, out), sizes, slots)
        lines += [*ledger.summary(), ""]
        lines += cost_lines(estimate, device, options.price_per_hour)
        left_out, refused = weights_lines(ledger)
        tables = prefix_tables.warnings(estimate)
        lines += [f"warning: {text}" for text in (*warnings(ledger.plan), *tables, *left_out)]
        lines += _written_previews(ledger.plan, out)
        return lines, refused


@contextmanager
def _store_outside_images(config: Config) -> Iterator[Config]:
    """Yield the config, with a temporary store if its own would be created among the images."""
    from sweeper.store.address import is_remote

    store, images = Path(config.store), config.data.path
    if is_remote(config.store) or images is None or store.exists():
        yield config
    elif store.resolve().is_relative_to(Path(images).resolve()):
        with TemporaryDirectory(prefix="sweeper-plan-") as temporary:
            yield config.model_copy(update={"store": temporary})
    else:
        yield config


def _written_previews(plan: Plan, out: Path) -> Iterator[str]:
    """Write the contact sheet of each augmentation, unless it is there, and name the files; nothing
    where the folder is among the images or cannot be written to."""
    from sweeper.plan.previews import contact_sheets, key_of_file, sheet_names, sheets_key

    folder, images = out / "augmentations", plan.config.data.path
    if images and out.resolve().is_relative_to(Path(images).resolve()):
        return  # a preview must not become one of the images
    paths = {name: folder / f"{name}.jpg" for name in sheet_names(plan)}
    if {key_of_file(path) for path in paths.values()} - {sheets_key(plan)}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for sheet in contact_sheets(plan):
                paths[sheet.augmentation].write_bytes(sheet.image)
        except OSError:
            return
    for name, path in paths.items():
        if path.exists():
            yield f"copies by augmentation {name}: {path}"


def _price(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of 0 or more")
    return value
