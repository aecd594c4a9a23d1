"""The images a benchmark runs on: a folder of the user's, or drawn radiographs."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import pyarrow.fs as pafs

from datasets.drawn.synthetic import write_synthetic
from datasets.manifest import build_manifest, usable
from datasets.preprocess import Preprocessing
from datasets.shards import write_shards
from datasets.sources import list_folder

LOCAL = pafs.LocalFileSystem()


def add_options(parser: argparse.ArgumentParser, images_per_class: int) -> None:
    """`--data`, `--images-per-class`, `--copies`, `--image-size`."""
    parser.add_argument("--data", help="a folder of class folders; drawn images if not given")
    parser.add_argument("--images-per-class", type=int, default=images_per_class, help="if drawn")
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)


def images(options: argparse.Namespace, scratch: Path) -> tuple[Path, pd.DataFrame]:
    """The folder and its usable images."""
    root = Path(options.data) if options.data else scratch / "images"
    if not options.data:
        root.mkdir()
        write_synthetic(root, options.images_per_class, seed=0)
    return root, usable(build_manifest(str(root), list_folder(str(root))))


def shards(options: argparse.Namespace, root: Path, table: pd.DataFrame, out: Path) -> int:
    """Write the image shards, with Ray running; returns their rows."""
    return write_shards(
        table,
        str(root),
        str(out),
        LOCAL,
        preprocessing=Preprocessing(options.image_size),
        copies=options.copies,
    ).rows
