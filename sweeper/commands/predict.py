"""The command `python sweep.py predict RUN IMAGE...`: class probabilities by a run's champion."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import DataError
from sweeper.commands.prediction_output import (
    Answer,
    print_json,
    print_problems,
    print_text,
    write_csv,
)
from sweeper.config.paths import typed_address, typed_path
from sweeper.errors import StoreError
from sweeper.exit_codes import DONE, SOME_FAILED, USER_ERROR
from sweeper.use.finished import FinishedRun, read_run
from sweeper.use.new_images import image_files

if TYPE_CHECKING:
    from sweeper.store.store import Store
    from sweeper.use.chosen import ChosenCell
    from sweeper.use.prediction import Drawing, Prediction

_TEXT = (
    "predict class probabilities of images with the run's best champion: under the most "
    "trustworthy split policy, with the most classes, the best on validation"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `predict`."""
    parser.description = _TEXT
    parser.add_argument("run", type=typed_path, metavar="RUN", help="the run's folder")
    parser.add_argument(
        "images",
        type=typed_address,
        metavar="IMAGE",
        nargs="+",
        help="image files, folders of them, or .csv or .parquet tables with a column path; with "
        "--parquet also s3://bucket/prefix",
    )
    add_choice(parser)
    parser.add_argument(
        "--explain", action="store_true", help="draw the evidence for the predicted class"
    )
    parser.add_argument(
        "--out", type=typed_path, help="the folder for drawings; default: RUN/explained"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--csv",
        nargs="?",
        const="-",
        metavar="FILE.csv",
        help="write a table, one row per image; without a file, or with -: to standard output",
    )
    form.add_argument(
        "--parquet",
        metavar="FOLDER",
        help="for many images: write Parquet files into a folder or s3://bucket/prefix, on all "
        "cores, GPUs and machines; run again to go on after an interruption",
    )
    parser.add_argument(
        "--embeddings", action="store_true", help="with --parquet: also the network's features"
    )
    parser.set_defaults(work=predict_images)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose a cell of a run."""
    parser.add_argument("--cell", help="another cell: its id, or its anchor in the report")
    parser.add_argument("--store", help="the run's store, if it has been moved")


def open_store(options: argparse.Namespace, run: FinishedRun) -> Store:
    """Open the run's store, or that of `--store`, for reading. Raises StoreError."""
    from sweeper.store.store import Store

    try:
        return Store(options.store or run.config.store, writable=False)
    except StoreError as error:
        raise StoreError(f"{error}; specify the run's store with --store") from None


def predict_images(options: argparse.Namespace, command: str) -> int:
    """Print the probabilities; returns 0, 1 if some images cannot be read, 2 if none can."""
    run = read_run(options.run)
    _check_csv(options.csv)
    if options.parquet:
        return _predict_to_parquet(options, run)
    if options.embeddings:
        raise DataError("--embeddings: needs --parquet FOLDER")
    paths = image_files(_local(options.images))
    _refuse_missing(paths)
    from sweeper.use.chosen import choose  # imported late: user errors are reported at once
    from sweeper.use.known_images import MAX_COMPARED, KnownImages
    from sweeper.use.novelty import Novelty
    from sweeper.use.prediction import predict

    store = open_store(options, run)
    chosen = choose(run, store, options.cell)
    if options.explain and (reason := chosen.spec.entry.unexplained):
        raise StoreError(
            f"--explain: a {chosen.cell.strategy} network cannot be explained "
            f"({reason}); choose another cell with --cell"
        )
    preprocessing = run.preprocessing(chosen.cell.backbone)
    known, novelty = KnownImages(run, chosen, store), Novelty.of(run, chosen, store)
    predictions = predict(chosen, store, paths, preprocessing, known, novelty)
    print_problems(predictions)
    if all(prediction.problem for prediction in predictions):
        return USER_ERROR
    drawings = _explain(options, run, chosen, store, predictions) if options.explain else []
    notes = []
    if not known.finds_near_copies:
        notes.append(
            "only exact copies of the run's images were searched for: the store does not have its "
            f"image shards, or it has more than {MAX_COMPARED} images"
        )
    if novelty is None:
        notes.append(
            "images were not compared with the training images: the store lacks their pooled "
            "features, or all of them are in one group"
        )
    threshold = novelty.threshold if novelty else None
    _print(options, Answer(run, chosen, predictions, drawings, threshold, notes))
    return SOME_FAILED if any(prediction.problem for prediction in predictions) else DONE


def _predict_to_parquet(options: argparse.Namespace, run: FinishedRun) -> int:
    """Write Parquet files; the exit codes are those of `predict_images`."""
    if options.explain:
        raise DataError("--explain: cannot be combined with --parquet; predict these images alone")
    from sweeper.progress import Progress
    from sweeper.use.at_scale.listing import list_images
    from sweeper.use.at_scale.predict import predict_to_parquet
    from sweeper.use.chosen import choose

    source = list_images(options.images)
    store = open_store(options, run)
    chosen = choose(run, store, options.cell)
    print(chosen.summary())
    with Progress() as progress:
        outcome = predict_to_parquet(
            run, chosen, store, source, options.parquet, options.embeddings, progress
        )
    predicted = outcome.images - outcome.unreadable
    print(f"{predicted} of {outcome.images} images: {options.parquet}")
    if not predicted:
        return USER_ERROR
    return SOME_FAILED if outcome.unreadable else DONE


def _local(addresses: Sequence[str | Path]) -> list[Path]:
    """Refuse images in a bucket, which are predicted to Parquet."""
    for address in addresses:
        if isinstance(address, str):
            raise DataError(f"image '{address}': a bucket is predicted to Parquet; add --parquet")
    return [Path(address) for address in addresses]


def _print(options: argparse.Namespace, answer: Answer) -> None:
    if options.csv:
        write_csv(answer, options.csv)
    elif options.json:
        print_json(answer)
    else:
        print_text(answer)


def _explain(
    options: argparse.Namespace,
    run: FinishedRun,
    chosen: ChosenCell,
    store: Store,
    predictions: Sequence[Prediction],
) -> list[Drawing | None]:
    from sweeper.use.prediction import write_explanations

    folder = options.out or run.folder / "explained"
    preprocessing, explain = run.preprocessing(chosen.cell.backbone), run.config.explain
    try:
        return list(write_explanations(predictions, chosen, store, preprocessing, explain, folder))
    except OSError as error:
        raise StoreError(f"--out '{folder}': cannot be written to ({error.strerror})") from None


def _refuse_missing(paths: Sequence[Path]) -> None:
    """Refuse if none of the files exists; otherwise the existing ones are predicted."""
    if not any(path.exists() for path in paths):
        raise DataError(f"image '{paths[0]}': no such file")


def _check_csv(target: str | None) -> None:
    """Refuse an image after --csv, which would be overwritten."""
    if target not in (None, "-") and not str(target).lower().endswith(".csv"):
        raise DataError(
            f"--csv '{target}': expected a file that ends in .csv, or - for standard output; put "
            "images before it"
        )
