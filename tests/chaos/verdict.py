"""What must hold once a run that was killed many times has ended."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from reports.tables import read_tables
from tests.chaos.processes import Process, marked
from tests.same_tables import MEASURED


def differences(out: Path, unbroken: Path) -> list[str]:
    """Names of the tables that are not those of the unbroken run, bit for bit, and why."""
    found, wanted = read_tables(out / "results"), read_tables(unbroken / "results")
    wrong = [f"{name}: missing" for name in wanted.keys() - found.keys()]
    for name in wanted.keys() & found.keys():
        same = [column for column in wanted[name].columns if column not in MEASURED]
        try:
            pd.testing.assert_frame_equal(found[name][same], wanted[name][same], check_exact=True)
        except (AssertionError, KeyError) as error:
            wrong.append(f"{name}: {' '.join(str(error).split())}")
    return wrong


def unfinished(out: Path) -> list[str]:
    """Cells and trials that are not done, with their errors."""
    found = read_tables(out / "results")
    return [
        f"{name} {row.state}: {row.error}"
        for name in ("cells", "trials")
        for row in found[name].itertuples()
        if row.state != "done"
    ]


def outliving(mark: str, seconds: float, agents: bool) -> tuple[list[Process], float]:
    """The processes still there after at most `seconds`, with or without Ray's `agents`, and the
    seconds waited for them."""
    started = time.monotonic()
    while True:
        left = [one for one in marked(mark) if agents or not one.is_agent]
        waited = time.monotonic() - started
        if not left or waited > seconds:
            return left, waited
        time.sleep(0.1)
