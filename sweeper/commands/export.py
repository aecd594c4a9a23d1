"""The command `python sweep.py export RUN`: export a champion as standalone files."""

from __future__ import annotations

import argparse
from collections import Counter

from sweeper.commands.predict import add_choice, open_store
from sweeper.config.paths import typed_path
from sweeper.use.finished import read_run

_TEXT = (
    "write the run's best champion (as predict chooses it) to a folder: weights as safetensors, "
    "config.json, a loader based on timm, a model card, and on request ONNX and a web page that "
    "classifies pictures in a browser, without a connection"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    parser.description = _TEXT
    parser.add_argument("run", type=typed_path, metavar="RUN", help="the run's folder")
    add_choice(parser)
    parser.add_argument("--out", type=typed_path, help="the output folder; default: RUN/export")
    parser.add_argument("--onnx", action="store_true", help="also write model.onnx")
    parser.add_argument(
        "--web",
        action="store_true",
        help="also write a web page that works offline: the folder web, and classifier.html",
    )
    parser.set_defaults(work=export)


def export(options: argparse.Namespace, command: str) -> int:
    """Write the files and list them; returns 0."""
    run = read_run(options.run)
    from sweeper.use.chosen import choose  # imported late: user errors are reported at once
    from sweeper.use.export import export_champion

    store = open_store(options, run)
    chosen = choose(run, store, options.cell)
    print(chosen.summary())
    out = options.out or run.folder / "export"
    sizes: Counter[str] = Counter()
    for path in export_champion(run, chosen, store, out, options.onnx, options.web):
        sizes[path.relative_to(out).parts[0]] += path.stat().st_size
    for name, size in sizes.items():
        print(f"{size / 1e6:8.2f} MB  {out / name}")
    return 0
