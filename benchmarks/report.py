"""How a benchmark tells what it measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path("runs/bench")


def tell(name: str, rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> None:
    """Print rows as a table and write them, with what they were measured on, as JSON."""
    table = Table(title=name, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="right" if _is_number(rows[0][column]) else "left")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    Console(width=max(120, 14 * len(rows[0]))).print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = {
        "name": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        **about,
        "rows": list(rows),
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


def told_apart(*arguments: str) -> dict[str, Any]:
    """What a benchmark, run in a process of its own, prints as JSON in its last line."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _text(value: object) -> str:
    return f"{value:,.3g}" if isinstance(value, float) else str(value)
