"""Test a run's champions on images that the run has not seen: an external test set.

Each champion predicts every image of a class that it knows. Copies and near-copies of the run's
images are marked, and the distance of an image to the training images is kept beside that of the
run's own test images. The report makes everything else from these tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.errors import DataError
from datasets.layout.class_names import class_key
from datasets.layout.folder_names import named
from reports.headline import headlines
from reports.run import records
from reports.tables import CELL, SCHEMAS, read_tables, write_table
from reports.wording import plural
from sweeper.config.schema import DataSection
from sweeper.plan.collect import Collection, collect
from sweeper.progress import Progress
from sweeper.store.address import name_of
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell, choose, read_cells
from sweeper.use.finished import FinishedRun
from sweeper.use.known_images import KnownImages
from sweeper.use.novelty import Novelty
from sweeper.use.prediction import Prediction, predict

Row = dict[str, Any]

USED, UNKNOWN, MISSING, UNREADABLE = "used", "unknown", "missing", "unreadable"
"""What became of a class of a test set: used; unknown to the scenario, so left out; of the scenario
but without images; files of any class that cannot be read."""

TABLES = ("external", "test_sets", "test_distances")


@dataclass(frozen=True)
class Tested:
    """A champion on a test set, in a line each for the terminal."""

    cell: str
    lines: list[str]


def leading_cells(run: FinishedRun) -> list[str]:
    """The ids of the cells of every headline's best training."""
    return [found.best["anchor"] for found in headlines(read_cells(run))]


def add_test_set(
    run: FinishedRun,
    store: Store,
    name: str,
    data: DataSection,
    cells: Sequence[str],
    progress: Progress,
    again: bool = True,
) -> list[Tested]:
    """Predict the images of a test set with the champions of some cells, and add the rows to the
    tables of the run; rows of the same set and cell are replaced.

    Args:
        name: of the test set.
        data: its images.
        cells: ids of cells, or their anchors.
        again: also those that have been tested on the same images.

    Raises:
        DataError: the images cannot be used, or none is of a class of a scenario.
        StoreError: a cell or what it needs is not there.
    """
    collection = collect(data, store, progress, one_class=True)
    tested: list[Tested] = []
    found: dict[str, list[Row]] = {table: [] for table in TABLES}
    source = name_of(data.path) if data.path else "drawn radiographs"
    done: set[tuple[Any, ...]] = set() if again else _done(run.folder / "results", name)
    for cell in cells:
        chosen = choose(run, store, cell)
        if (*_key(chosen.row), collection.hash) in done:
            continue
        rows, lines = _test(run, store, name, source, collection, chosen, progress)
        for table, own in rows.items():
            found[table] += own
        tested.append(Tested(chosen.cell.id, lines))
    _add(run.folder / "results", name, found)
    return tested


def _test(
    run: FinishedRun,
    store: Store,
    name: str,
    source: str,
    collection: Collection,
    chosen: ChosenCell,
    progress: Progress,
) -> tuple[dict[str, list[Row]], list[str]]:
    class_of = match_classes(collection.classes, chosen.classes)
    images = collection.images.assign(label=collection.images["class"].map(class_of))
    images = images.dropna(subset=["label"])
    if images.empty:
        raise DataError(
            f"test set '{name}': none of its classes ({named(collection.classes)}) is one of "
            f"{named(chosen.classes)}; call its folders or labels as the run's classes"
        )
    paths = [Path(collection.root, path) for path in images["path"]]
    novelty, known = Novelty.of(run, chosen, store), KnownImages(run, chosen, store)
    plain = replace(chosen, row={**chosen.row, "temperature": 1.0})
    with progress.during(f"test on {name}"):
        section = run.preprocessing(chosen.cell.backbone)
        predictions = predict(plain, store, paths, section, known, novelty)
    names = {column: chosen.row[column] for column in CELL}
    rows = [
        {**names, "test_set": name, "champion": chosen.row["champion"], **row}
        for row in _rows(images, predictions, chosen.classes)
    ]
    classes = _classes(collection, chosen.classes, class_of)
    common = {"test_set": name, "champion": chosen.row["champion"], "source": source}
    about = [{**names, **common, "images_hash": collection.hash, **row} for row in classes]
    distances = (
        []
        if novelty is None
        else [
            {**names, "image_id": one, "distance": distance, "unlike": novelty.is_far(distance)}
            for one, distance in novelty.tested.items()
        ]
    )
    lines = list(_lines(rows, about, known))
    return {"external": rows, "test_sets": about, "test_distances": distances}, lines


def _done(folder: Path, name: str) -> set[tuple[Any, ...]]:
    """The cells that were tested on a set, each with its champion and the hash of the images."""
    table = read_tables(folder, {"test_sets": SCHEMAS["test_sets"]})["test_sets"]
    own = table[table["test_set"] == name]
    return {(*_key(row), row["images_hash"]) for row in records(own)}


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column] for column in (*CELL, "champion"))


def match_classes(found: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
    """The run's class of each class of a test set that is one, in any spelling."""
    exact = {name: name for name in found if name in classes}
    by_key: dict[str, list[str]] = {}
    for name in classes:
        by_key.setdefault(class_key(name), []).append(name)
    alike = {
        name: by_key[class_key(name)][0]
        for name in found
        if name not in exact and len(by_key.get(class_key(name), [])) == 1
    }
    return exact | alike


def _rows(
    images: pd.DataFrame, predictions: Sequence[Prediction], classes: Sequence[str]
) -> Iterator[Row]:
    for image, one in zip(images.to_dict("records"), predictions, strict=True):
        if one.problem:  # it could be read when it was listed
            raise DataError(f"image '{one.path}': {one.problem}; run again")
        yield {
            "image_id": image["image_id"],
            "path": image["path"],
            "group": image["group"],
            "label": image["label"],
            "predicted": classes[one.best],
            "probabilities": one.probabilities,
            "known": one.known.how if one.known else "",
            "known_part": one.known.part if one.known else "",
            "distance": one.distance,
            "unlike": one.is_far if one.distance is not None else None,
        }


def _classes(
    collection: Collection, classes: Sequence[str], class_of: Mapping[str, str]
) -> Iterator[Row]:
    """A row for each class of the set or the scenario, and for files that cannot be read."""
    counts = collection.images["class"].value_counts()
    for name in collection.classes:
        status = USED if name in class_of else UNKNOWN
        yield {"class": class_of.get(name, name), "status": status, "images": int(counts[name])}
    for name in sorted(set(classes) - set(class_of.values())):
        yield {"class": name, "status": MISSING, "images": 0}
    if excluded := len(collection.manifest) - len(collection.images):
        yield {"class": "", "status": UNREADABLE, "images": excluded}


def _lines(rows: Sequence[Row], classes: Sequence[Row], known: KnownImages) -> Iterator[str]:
    """What is left out and why."""
    by_status = {
        status: [row for row in classes if row["status"] == status]
        for status in (UNKNOWN, MISSING, UNREADABLE)
    }
    if unknown := by_status[UNKNOWN]:
        images = sum(row["images"] for row in unknown)
        listed = named(repr(row["class"]) for row in unknown)
        yield f"{plural(images, 'image')} left out, of classes unknown to the network ({listed})"
    if missing := by_status[MISSING]:
        yield f"no image of {named(repr(row['class']) for row in missing)}: not tested"
    for row in by_status[UNREADABLE]:
        yield f"{plural(row['images'], 'file')} left out: cannot be read"
    seen = sum(is_seen(row) for row in rows)
    if seen:
        yield f"{seen} of {len(rows)} images are copies of images that the network was trained on"
    if not known.finds_near_copies:
        yield "only exact copies of the run's images were searched for"


def is_seen(row: Mapping[str, Any]) -> bool:
    """Whether an image is a copy of one in training or validation, which chose the network."""
    return row["known_part"] in ("train", "val")


def _add(folder: Path, name: str, found: Mapping[str, list[Row]]) -> None:
    """Replace the rows of a test set and the tested cells, and keep those of others."""
    schemas = {table: SCHEMAS[table] for table in TABLES}
    for table, kept in read_tables(folder, schemas).items():
        new = pd.DataFrame(found[table], columns=SCHEMAS[table].names)
        if not kept.empty and not new.empty:
            keys = [*CELL, *(["test_set"] if "test_set" in kept else [])]
            replaced = set(new[keys].itertuples(index=False, name=None))
            is_kept = [key not in replaced for key in kept[keys].itertuples(index=False, name=None)]
            new = pd.concat([kept[is_kept], new], ignore_index=True)
        elif new.empty:
            new = kept
        write_table(folder, table, new)
