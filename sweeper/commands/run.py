"""The command `python sweep.py run`: run the missing cells of a grid and write its report."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.budget.duration import parse_duration
from sweeper.config.paths import typed_path
from sweeper.errors import StoreError
from sweeper.exit_codes import DONE, SOME_FAILED
from sweeper.progress import Progress

if TYPE_CHECKING:
    from sweeper.config.schema import Config


def preset_overrides() -> list[str]:
    """The settings of SWEEP_SET: a cluster's store and images."""
    return os.environ.get("SWEEP_SET", "").split()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `run` and `plan` have in common."""
    parser.add_argument(
        "config",
        metavar="CONFIG",
        nargs="?",
        help="a file or a shipped name; default: SWEEP_CONFIG, else default if data.path is "
        "set, else demo",
    )
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=preset_overrides(),
        metavar="key.path=value",
    )
    parser.add_argument("--out", type=typed_path, help="the run's folder; default: runs/<name>")
    parser.add_argument(
        "--budget",
        type=parse_duration,
        metavar="TIME",
        help="leave out what does not fit into this time: 30m, 2h, 1h30m",
    )
    parser.set_defaults(work=run)


def run(options: argparse.Namespace, command: str) -> int:
    """Run what is missing; returns 0, or 1 if some cells failed."""
    from sweeper.commands.output_folder import run_folder
    from sweeper.config.load import load_chosen_config

    config = load_chosen_config(options.config, options.overrides)
    out = make_writable(run_folder(config, options.out))
    with Progress() as progress:
        with progress.during("start"):
            from sweeper.results.stale import champions_in, stale
            from sweeper.run.pipeline import run_sweep
        kept: dict[str, Any] = {}
        if options.budget:
            config, kept = _within_budget(config, options.budget, out, progress)
        before = champions_in(out)
        outcome = run_sweep(config, out, command, progress, kept)
    return conclude(outcome.cells, out, stale(out, before))


def _within_budget(
    config: Config, budget_s: float, out: Path, progress: Progress
) -> tuple[Config, dict[str, Any]]:
    """The configuration without what does not fit, and the entry of run.json that says so."""
    from sweeper.budget.decision import decide, keep

    decision, _ = decide(config, budget_s, out, progress)
    keep(decision, out)
    progress.skip("budget", decision.text)
    return decision.applied_to(config), {"budget": decision.about}


def conclude(cells: Counter[str], out: Path, warnings: Iterable[str] = ()) -> int:
    """Print how a run ended; returns its exit code."""
    from sweeper.results.conclusion import conclusion

    print(f"{cells['done']} of {cells.total()} cells done{_others(cells)}")
    for line in (*conclusion(out), *(f"warning: {text}" for text in warnings)):
        print(line)
    print(f"report: {out / 'report' / 'index.html'}")
    return DONE if set(cells) <= {"done"} else SOME_FAILED


def _others(cells: Counter[str]) -> str:
    others = [f"{cells[state]} {state}" for state in ("failed", "missing") if cells[state]]
    return f", {', '.join(others)}" if others else ""


def make_writable(out: Path) -> Path:
    """The folder, made where it is missing. Raises StoreError if it cannot be written to."""
    try:
        (out / "results").mkdir(parents=True, exist_ok=True)
        probe = out / "results" / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(f"--out '{out}': cannot be written to ({error.strerror})") from None
    return out
