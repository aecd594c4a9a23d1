"""Write the exports next to the page: `<run>/report/tables/` and `<run>/report/figures/`.

`write_exports(Path("runs/demo"))`. Same tables, same bytes, on one machine: the PNGs' letters are
those of its fonts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reports.exports.diagnoses import diagnosis_files
from reports.exports.figures import figures
from reports.exports.latex import latex_table
from reports.exports.metrics import cells_csv, paper_tables, table_csv
from reports.exports.png import to_png
from reports.exports.standalone import standalone
from reports.run import Run, load_run


def write_exports(run_dir: Path) -> list[Path]:
    """Write all exports and return their paths; outdated files of an earlier report are removed.

    Raises FileNotFoundError if there is no `results/run.json`.
    """
    run = load_run(run_dir)
    written = []
    for folder, files in (("tables", _tables(run)), ("figures", _figures(run))):
        own = run_dir / "report" / folder
        own.mkdir(parents=True, exist_ok=True)
        paths = [_write(own / name, content) for name, content in files]
        for stale in set(own.iterdir()) - set(paths):
            if stale.suffix in (".csv", ".tex", ".svg", ".png"):
                stale.unlink()
        written += paths
    return written


def _tables(run: Run) -> Iterator[tuple[str, bytes]]:
    yield "cells.csv", cells_csv(run).encode()
    for name, text in diagnosis_files(run):
        yield name, text.encode()
    for table in paper_tables(run):
        yield f"{table.name}.csv", table_csv(table).encode()
        yield f"{table.name}.tex", latex_table(table).encode()


def _figures(run: Run) -> Iterator[tuple[str, bytes]]:
    for name, drawn in figures(run):
        svg = standalone(drawn)
        yield f"{name}.svg", svg.encode()
        yield f"{name}.png", to_png(svg)


def _write(path: Path, content: bytes) -> Path:
    """Write a file atomically."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)
    return path
