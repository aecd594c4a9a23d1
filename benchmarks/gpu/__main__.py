"""What only a GPU can tell, unattended: one table, and JSON.

    python -m benchmarks.gpu [--out FOLDER] [--begin-until 200] [--only PART ...]
                             [--set key.path=value ...]

Parts: correctness, extraction, steps, packing, grid. Each writes its rows to FOLDER when it ends,
and a part whose rows are there is not measured again; none begins later than `--begin-until`
seconds after the start. So the same command, called twice, measures everything in calls of five
minutes. A part that fails leaves its error in the table, and is tried again by the next call.

The grid is the paper's with two draws of ten epochs; `--set` changes it, as in
`--set search.draws=8 search.epochs=100`. `--cpu` tries the script without a GPU, on small images.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.gpu import correctness, extraction, grid, packing, steps
from benchmarks.gpu.bench import Bench, Row
from trainables.device import local_device
from trainables.registry import BACKBONES

PARTS: Mapping[str, Callable[[Bench], Iterable[Row]]] = {
    "correctness": correctness.measure,
    "extraction": extraction.measure,
    "steps": steps.measure,
    "packing": packing.measure,
    "grid": grid.measure,
}
_GRID = ("search.draws=2", "search.epochs=10", "explain.examples=0", "search.grace_epochs=3")
_TRIED = (
    "preprocess.image_size=80",
    "data.synthetic.images_per_class=6",
    "augmentations.fec-ige.copies=1",
    "grid.backbones=[mobilenet]",
    "grid.scenarios=['1']",
    "search.draws=1",
    "search.epochs=1",
)


def main() -> None:
    options = _options()
    if not torch.cuda.is_available() and not options.cpu:
        sys.exit("error: no CUDA device here; --cpu tries the script without one")
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    for name in options.only or PARTS:
        if _file(options, name).exists():
            continue
        if time.perf_counter() - started > options.begin_until:
            print(f"{name}: left to the next call of the same command")
            continue
        print(f"{name} ...", flush=True)
        _measure(options, name)
    rows = [row for name in PARTS for row in _read(options, name)]
    _print(rows, time.perf_counter() - started)
    (options.out / "all.json").write_text(json.dumps(_about() | {"rows": rows}, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/bench/gpu"))
    parser.add_argument("--begin-until", type=float, default=200.0, metavar="SECONDS")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--set", dest="overrides", nargs="+", action="extend", default=[])
    parser.add_argument("--cpu", action="store_true", help="try the script where there is no GPU")
    return parser.parse_args()


def _bench(options: argparse.Namespace, scratch: Path) -> Bench:
    device = local_device()  # which also sets the arithmetic, as a trial has it
    if options.cpu:
        overrides = (*_TRIED, *options.overrides)
        return Bench(torch.device("cpu"), scratch, 80, 128, 0.2, ("mobilenet",), overrides)
    names = sorted(BACKBONES, key=lambda name: name != "mobilenet")
    return Bench(device, scratch, 224, 6912, 1.0, tuple(names), (*_GRID, *options.overrides))


def _measure(options: argparse.Namespace, name: str) -> None:
    """Measure a part and write its rows, or its error, which is no result."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        try:
            rows = [asdict(row) for row in PARTS[name](_bench(options, Path(scratch)))]
        except Exception as error:  # the other parts go on
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:80]
            failed = asdict(Row(name, "failed", math.nan, "", reason))
            _file(options, name).with_suffix(".failed").write_text(json.dumps([failed]))
            return
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    took = asdict(Row(name, "this part", time.perf_counter() - started, "s"))
    _file(options, name).write_text(json.dumps([*rows, took], indent=1) + "\n")


def _file(options: argparse.Namespace, name: str) -> Path:
    path: Path = options.out / f"{name}.json"
    return path


def _read(options: argparse.Namespace, name: str) -> Iterator[dict[str, Any]]:
    path = _file(options, name)
    for found in (path, path.with_suffix(".failed")):
        if found.exists():
            yield from json.loads(found.read_text())
            return


def _print(rows: list[dict[str, Any]], wall_s: float) -> None:
    title = f"GPU: {', '.join(_about()['devices']) or 'none'}; this call took {wall_s:.0f} s"
    table = Table(title=title, title_justify="left")
    for column in ("part", "what", "value", "unit", "beside"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in rows:
        table.add_row(row["part"], row["what"], f"{row['value']:,.4g}", row["unit"], row["beside"])
    Console(width=140).print(table)


def _about() -> dict[str, Any]:
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"devices": names, "torch": torch.__version__, "cuda": torch.version.cuda}


if __name__ == "__main__":
    main()
