"""The tables of a run: their columns, and strict writing and reading as Parquet.

Everything in the report comes from these tables and `run.json`; their writers must match `SCHEMAS`
column by column. A number that does not exist (a failed cell's accuracy) is null, never zero and
never absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reports.axes import AXIS, CELL_COLUMNS, SPLIT_AXES
from reports.metrics import METRIC_COLUMNS

_STR, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_CELL = dict(CELL_COLUMNS)
CELL: tuple[str, ...] = tuple(_CELL)
"""The columns that name a cell, in every table that has one row or more for each cell."""

_SPLIT = {name: kind for axis in SPLIT_AXES for name, kind in AXIS[axis].columns.items()}


_COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "cells": {
        **_CELL,
        "state": _STR,  # done | failed | missing
        "trials": _INT,
        "stopped": _INT,
        "champion": _STR,
        "best_epoch": _INT,
        "epochs": _INT,  # of the champion's training
        "steps": _INT,
        "passes": _FLOAT,
        "n_train": _INT,
        "n_val": _INT,
        "n_test": _INT,
        "val_accuracy": _FLOAT,
        "val_loss": _FLOAT,
        "val_score": _FLOAT,  # of the metric that validation decides by; higher is better
        **dict.fromkeys(METRIC_COLUMNS, _FLOAT),
        "train_s": _FLOAT,
        "error": _STR,
    },
    "trials": {
        **_CELL,
        "trial": _STR,
        "draw": _INT,
        "epochs_max": _INT,
        "rungs": pa.list_(pa.int64()),  # the epochs at which ASHA decided; empty without it
        "state": _STR,  # done | stopped | failed | missing
        "epochs": _INT,
        "steps": _INT,  # of the optimiser
        "passes": _FLOAT,  # over the training rows
        "best_epoch": _INT,
        "val_accuracy": _FLOAT,
        "val_score": _FLOAT,
        "wall_s": _FLOAT,
        "images_per_s": _FLOAT,
        "data_wait": _FLOAT,
        "device": _STR,
        "precision": _STR,  # float32 | tf32 | bfloat16
        "workers": _INT,
        "error": _STR,
    },
    "curves": {
        "trial": _STR,
        "epoch": _INT,
        "train_loss": _FLOAT,
        "train_accuracy": _FLOAT,
        "val_loss": _FLOAT,
        "val_accuracy": _FLOAT,
        "val_score": _FLOAT,
        "lr": _FLOAT,
        "steps": _INT,  # of the optimiser, from the start of the training
        "passes": _FLOAT,  # over the training rows, likewise
        "epoch_s": _FLOAT,
    },
    "candidates": {
        "trial": _STR,
        "candidate": _INT,
        "setting": _STR,  # l2=0.1
        "val_loss": _FLOAT,
        "val_accuracy": _FLOAT,
        "val_score": _FLOAT,
        "chosen": _BOOL,
    },
    "predictions": {
        **_CELL,
        "image_id": _STR,
        "copy": _INT,
        "label": _STR,
        "predicted": _STR,
        "probabilities": pa.list_(pa.float32()),  # in the order of the scenario's classes
    },
    "confusion": {**_CELL, "label": _STR, "predicted": _STR, "count": _INT},
    "reliability": {
        **_CELL,
        "scaled": _BOOL,  # at the cell's temperature
        "low": _FLOAT,  # rows whose top probability lies in (low, high]
        "high": _FLOAT,
        "rows": _INT,
        "confidence": _FLOAT,  # mean top probability
        "accuracy": _FLOAT,
    },
    "thresholds": {
        **_CELL,
        "label": _STR,  # a class against the rest
        "rule": _STR,
        "threshold": _FLOAT,  # of the class's probability at the temperature
        "val_sensitivity": _FLOAT,
        "val_specificity": _FLOAT,
        "val_rows": _INT,  # of the class
    },
    "pictures": {
        "image_id": _STR,
        "width": _INT,
        "height": _INT,
        "image": pa.binary(),  # WebP, small: only of images that the page shows
    },
    "images": {
        "image_id": _STR,
        "path": _STR,
        "origin": _STR,
        "class": _STR,
        "width": _INT,
        "height": _INT,
        "bytes": _INT,
        "pixel_hash": _STR,
        "contrast": _FLOAT,
        "patient": _STR,
        "group": _STR,
        "problem": _STR,
    },
    "metadata": {
        "image_id": _STR,
        "column": _STR,
        "level": _STR,  # a category, or a bin of a number; null where nothing is known
        "position": _INT,  # of the level in its column; -1 where nothing is known
        "number": _FLOAT,  # of numeric columns; ages at most 90
        "binning": _STR,  # decades | quartiles | "" of categories
    },
    "duplicates": {
        "image_id_a": _STR,
        "image_id_b": _STR,
        "kind": _STR,
        "score": _FLOAT,
        "transform": _STR,
    },
    "splits": {
        **_SPLIT,
        "image_id": _STR,
        "copy": _INT,
        "part": _STR,  # train | val | test
    },
    "attributions": {
        **_CELL,
        "image_id": _STR,
        "label": _STR,
        "predicted": _STR,
        "target": _STR,
        "chosen": _STR,  # why this image
        "probability": _FLOAT,  # of the target
        "method": _STR,
        "baseline": _STR,  # "" of a method without one
        "n_steps": _INT,  # passes; 0 where there was no time for any
        "change": _FLOAT,  # of the score, from the baseline to the image
        "delta": _FLOAT,  # the sum of the map minus that
        "converged": _BOOL,
        "marked": _FLOAT,  # share of the image where the finding is known to be
        "hit": _BOOL,  # whether the map points there
        "hit_by_others": _FLOAT,  # share of other images' maps that point there
        "height": _INT,
        "width": _INT,
        "map": pa.list_(pa.float32()),  # height * width, signed; empty if it did not converge
        "image": pa.binary(),  # WebP of the preprocessed picture
    },
    "map_checks": {
        **_CELL,
        "image_id": _STR,
        "method": _STR,
        "check": _STR,
        "against": _STR,  # the stage, reference map, method, baseline or seed; "" of none
        "value": _FLOAT,
        "reference": _FLOAT,
    },
    "corrupted": {
        **_CELL,
        "corruption": _STR,  # "none": as it is
        "severity": _STR,  # mild | strong; "" of none
        "image_id": _STR,
        "label": _STR,
        "predicted": _STR,
        "probabilities": pa.list_(pa.float32()),  # in the order of the scenario's classes
    },
    "external": {
        **_CELL,
        "test_set": _STR,
        "champion": _STR,  # the trial that was tested
        "image_id": _STR,
        "path": _STR,
        "group": _STR,
        "label": _STR,
        "predicted": _STR,
        "probabilities": pa.list_(pa.float32()),  # in the order of the scenario's classes
        "known": _STR,  # exact | near, a copy of an image of the run; "" of others
        "known_part": _STR,  # of the cell's split: train | val | test, or ""
        "distance": _FLOAT,  # to the training images
        "unlike": _BOOL,
    },
    "test_sets": {
        **_CELL,
        "test_set": _STR,
        "champion": _STR,
        "source": _STR,
        "images_hash": _STR,  # of the whole set
        "class": _STR,
        "status": _STR,  # used | unknown | missing | unreadable
        "images": _INT,
    },
    "test_distances": {
        **_CELL,
        "image_id": _STR,
        "distance": _FLOAT,
        "unlike": _BOOL,
    },
    "previews": {
        "augmentation": _STR,
        "transforms": pa.list_(_STR),
        "warnings": pa.list_(_STR),
        "classes": pa.list_(_STR),  # of the images, one a row of the sheet
        "width": _INT,
        "height": _INT,
        "image": pa.binary(),  # JPEG: each row an image and some of its copies
    },
    "leaks": {
        **_SPLIT,
        "split_key": _STR,  # a hash of the rows and their labels: equal splits have equal keys
        "part": _STR,  # test | val
        "rows": _INT,
        "leaked": _INT,  # rows with their image, a duplicate or a group mate in train: the sum of
        # the further columns, one for each kind of leak
    },
    "backbones": {
        "backbone": _STR,
        "model": _STR,  # timm's name
        "weights": _STR,
        "vintage": _STR,  # of timm's weights: tag and training data
        "license": _STR,  # likewise
        "parameters": _INT,
        "gmacs": _FLOAT,  # multiply-adds of an image, in 1e9
    },
}

_DERIVED: dict[str, dict[str, pa.DataType]] = {
    "robustness": {
        **_CELL,
        "corruption": _STR,
        "severity": _STR,  # mild | strong
        "metric": _STR,
        "value": _FLOAT,
        "clean": _FLOAT,  # of the same images without the corruption
        "difference": _FLOAT,
        "low": _FLOAT,  # of the difference; for the accuracy
        "high": _FLOAT,
        "p": _FLOAT,
        "n": _INT,  # test images
        "units": _INT,  # groups of them
    },
    "map_verdicts": {
        **_CELL,
        "method": _STR,
        "check": _STR,
        "against": _STR,
        "value": _FLOAT,  # mean over images, like what follows
        "reference": _FLOAT,
        "difference": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "images": _INT,
        "units": _INT,  # groups of them
        "conclusion": _STR,
    },
    "intervals": {
        **_CELL,  # seed, repeat and fold null: the mean of a configuration over its trainings
        "label": _STR,  # a class against the rest; "" of all rows
        "metric": _STR,
        "value": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "covers": _STR,  # images | images+trainings
        "method": _STR,
        "units": _INT,  # groups of images
    },
    "operating_points": {
        **_CELL,  # seed, repeat and fold null: the mean of a configuration over its trainings
        "label": _STR,  # a class against the rest
        "point": _STR,  # predicted: the most probable class; threshold: of the table `thresholds`
        "threshold": _FLOAT,
        "metric": _STR,
        "prevalence": _FLOAT,
        "value": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "covers": _STR,  # images | images+trainings
        "method": _STR,
        "units": _INT,  # groups of images that it is a share of
        "needed": _INT,  # of them, for an interval of +- 5 points
    },
    "subgroups": {
        **_CELL,  # seed, repeat and fold null: all trainings of the headline together
        "column": _STR,
        "level": _STR,  # null where nothing is known
        "position": _INT,
        "metric": _STR,
        "value": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "method": _STR,
        "rows": _INT,
        "images": _INT,
        "units": _INT,  # groups of images
        "compared": _BOOL,  # whether it is large enough to be compared
    },
    "gaps": {
        **_CELL,
        "column": _STR,
        "metric": _STR,
        "level": _STR,  # with the higher value
        "other": _STR,
        "gap": _FLOAT,
        "low": _FLOAT,  # the interval and p hold for all rows of a scenario together
        "high": _FLOAT,
        "p": _FLOAT,
        "family": _INT,  # comparisons that were corrected together
        "largest": _BOOL,  # of its column and metric
    },
    "external_metrics": {
        **_CELL,
        "test_set": _STR,
        "subset": _STR,  # all | new
        "metric": _STR,
        "value": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "rows": _INT,
        "units": _INT,  # groups of images
        "internal": _FLOAT,  # of the cell's own test part
        "internal_low": _FLOAT,
        "internal_high": _FLOAT,
        "difference": _FLOAT,  # external minus internal
        "difference_low": _FLOAT,
        "difference_high": _FLOAT,
        "p": _FLOAT,
    },
    "drift": {
        **_CELL,
        "test_set": _STR,
        "kind": _STR,  # class mix | class | unlike | farther
        "class": _STR,
        "internal": _FLOAT,
        "external": _FLOAT,
        "p": _FLOAT,
    },
    "effects": {
        "metric": _STR,  # the run's, and accuracy
        "split_policy": _STR,
        "factor": _STR,  # of an interaction both, with a times sign between
        "level": _STR,
        "reference": _STR,
        "mean": _FLOAT,  # the metric of level minus reference
        "low": _FLOAT,
        "high": _FLOAT,
        "covers": _STR,  # images | images+trainings
        "pairs": _INT,  # matches, their trainings averaged
        "p": _FLOAT,
        "p_holm": _FLOAT,  # within the metric and split policy
        "family": _INT,  # effects that were corrected together
    },
    "comparisons": {
        "metric": _STR,  # the run's, and accuracy
        "split_policy": _STR,
        "scenario": _STR,
        "seed": _INT,  # null, like repeat and fold: over several trainings
        "repeat": _INT,
        "fold": _INT,
        "best": _STR,  # by validation: backbone/weights/augmentation/strategy
        "other": _STR,
        "difference": _FLOAT,  # the metric of best minus other, on the test rows
        "low": _FLOAT,
        "high": _FLOAT,
        "covers": _STR,  # images | images+trainings
        "p": _FLOAT,
        "discordant": _INT,  # rows that one of the two got right; null where not paired by rows
        "method": _STR,
        "p_holm": _FLOAT,  # within the metric, scenario and split policy
        "family": _INT,  # comparisons that were corrected together
    },
    "trainings": {
        "split_policy": _STR,
        "scenario": _STR,
        "configurations": _INT,
        "trainings": _INT,  # of the configuration that has fewest
        "divisions": _INT,  # repeats x folds
        "seeds": _INT,
        "spread": _FLOAT,  # standard deviation of a configuration's accuracy over its trainings
        "degrees": _FLOAT,  # of freedom
    },
    "policies": {
        "compared": _STR,  # the policies whose cells are matched, with + between
        "cells": _STR,  # all | augmented | the name of one augmentation
        "split_policy": _STR,
        "reference": _STR,
        "pairs": _INT,
        "pictures": _INT,  # different groups of images in the policy's test parts
        "mean": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "difference": _FLOAT,
        "difference_low": _FLOAT,
        "difference_high": _FLOAT,
    },
    "optimism": {
        "split_policy": _STR,
        "cells": _INT,
        "mean": _FLOAT,  # validation minus test accuracy of the champions
        "low": _FLOAT,
        "high": _FLOAT,
    },
}

_OF_AUDIT: dict[str, dict[str, pa.DataType]] = {
    "labels": {
        "image_id": _STR,
        "path": _STR,
        "class": _STR,
        "suggested": _STR,  # the class of most neighbours
        "score": _FLOAT,  # 0..1, the highest first
        "neighbours": pa.list_(_STR),  # image_ids, the nearest first
        "doubtful": _BOOL,  # outvoted by its neighbours beyond chance
    },
}

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(list(columns.items())) for name, columns in (_COLUMNS | _DERIVED).items()
}
"""Every table's columns and types, in order."""

DERIVED: tuple[str, ...] = tuple(_DERIVED)
"""The tables among them that `reports.derived` computes from the others."""

AUDIT_SCHEMAS: dict[str, pa.Schema] = {
    "images": SCHEMAS["images"],
    "duplicates": SCHEMAS["duplicates"],
    "pictures": SCHEMAS["pictures"],
    **{name: pa.schema(list(columns.items())) for name, columns in _OF_AUDIT.items()},
}
"""The same for the tables of an audit."""

_OF_COMPARISON: dict[str, dict[str, pa.DataType]] = {
    "differences": {
        "kind": _STR,  # overall | chosen | configuration
        "metric": _STR,
        "split_policy": _STR,
        "scenario": _STR,
        "reference": _STR,  # letters of groups of runs
        "run": _STR,
        "reference_configuration": _STR,
        "configuration": _STR,
        "pairs": _INT,
        "reference_trainings": _INT,
        "trainings": _INT,
        "reference_value": _FLOAT,
        "value": _FLOAT,
        "difference": _FLOAT,
        "low": _FLOAT,
        "high": _FLOAT,
        "covers": _STR,
        "p": _FLOAT,
        "p_holm": _FLOAT,
        "family": _INT,
        "method": _STR,
        "reference_groups": _INT,
        "groups": _INT,
        "common_groups": _INT,
        "pairing": _STR,  # same network | paired | partly paired | unpaired
    },
    "settings": {"part": _STR, "setting": _STR, "run": _STR, "value": _STR},
}

COMPARISON_SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(list(columns.items())) for name, columns in _OF_COMPARISON.items()
}
"""The same for the tables of a comparison of runs."""

_ALL = SCHEMAS | AUDIT_SCHEMAS | COMPARISON_SCHEMAS

OPEN: dict[str, pa.DataType | None] = {"leaks": _INT, "cells": None, "trials": None}
"""Tables that may have further columns behind those of their schema, of this type or of that of
their values: kinds of leak, hyperparameters."""


def write_table(
    folder: Path,
    name: str,
    rows: Sequence[Mapping[str, Any]] | pd.DataFrame | Iterator[pd.DataFrame],
) -> Path:
    """Write `rows` as the table `name` into `folder` (made if absent) and return its path.

    A missing value is None (or NaN). No rows makes an empty table with all its columns; of an
    iterator, one frame after another is in memory.
    Raises ValueError for an unknown table, and for missing or unknown columns, naming them.
    """
    if name not in _ALL:
        raise ValueError(f"table {name!r}: expected one of {', '.join(_ALL)}")
    pieces = rows if isinstance(rows, Iterator) else iter([rows])
    first = _to_arrow(name, next(pieces, ()))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    temporary = folder / f".{name}.parquet.{os.getpid()}"
    with pq.ParquetWriter(temporary, first.schema, compression="snappy") as writer:
        writer.write_table(first)
        for piece in pieces:
            writer.write_table(_to_arrow(name, piece))
    temporary.replace(path)
    return path


def read_tables(
    folder: Path, schemas: Mapping[str, pa.Schema] = SCHEMAS
) -> dict[str, pd.DataFrame]:
    """Read all tables of `folder`; a missing table is returned empty.

    Whole-number columns with nulls become float64 with NaN; missing strings become None.
    """
    return {name: _read(folder / f"{name}.parquet", schema) for name, schema in schemas.items()}


def _read(path: Path, schema: pa.Schema) -> pd.DataFrame:
    table = pq.read_table(path) if path.exists() else schema.empty_table()
    schema = _opened(path.stem, table.column_names, lambda column: table.schema.field(column).type)
    _check_columns(schema, path.stem, table.column_names)
    frame: pd.DataFrame = table.select(schema.names).to_pandas()
    for field in schema:
        if field.type == _STR:
            text = frame[field.name].astype(object)
            frame[field.name] = text.where(text.notna(), None)
    return frame


def _to_arrow(name: str, rows: Sequence[Mapping[str, Any]] | pd.DataFrame) -> pa.Table:
    if isinstance(rows, pd.DataFrame):
        schema = _opened(name, rows.columns, lambda column: _type_of(rows[column]))
        _check_columns(schema, name, rows.columns)
        arrays = [_of_series(name, field, rows[field.name]) for field in schema]
        return pa.Table.from_arrays(arrays, schema=schema)
    first = rows[0] if rows else ()
    schema = _opened(name, first, lambda column: _type_of([row.get(column) for row in rows]))
    for row in rows:
        _check_columns(schema, name, row)
    arrays = [_column(name, field, [row[field.name] for row in rows]) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _of_series(name: str, field: pa.Field, values: pd.Series) -> pa.Array:
    """As `_column`; numbers without gaps and text, which tables have by the million, as a whole."""
    plain = values.dtype.kind in "iub" or (values.dtype.kind == "f" and field.type == _FLOAT)
    if plain or (values.dtype == object and field.type == _STR):
        with suppress(pa.ArrowException):
            return pa.array(values, type=field.type, from_pandas=True)
    return _column(name, field, list(values))


def _opened(name: str, columns: Iterable[str], type_of: Callable[[str], pa.DataType]) -> pa.Schema:
    """The schema of a table, with the further columns that an open one has."""
    schema = _ALL[name]
    if name in OPEN:
        for column in columns:
            if column not in schema.names:
                schema = schema.append(pa.field(column, OPEN[name] or type_of(column)))
    return schema


def _type_of(values: Iterable[Any]) -> pa.DataType:
    """The type of a column: whole numbers, numbers or text."""
    there = [value for value in values if not (value is None or value != value)]
    if not there or any(isinstance(value, str) for value in there):
        return _STR
    whole = all(isinstance(value, int | np.integer) for value in there)
    return _INT if whole else _FLOAT


def _column(name: str, field: pa.Field, values: list[Any]) -> pa.Array:
    try:
        return pa.array([_clean(value, field.type) for value in values], type=field.type)
    except (ValueError, TypeError) as error:
        raise ValueError(f"table {name!r}, column {field.name!r}: {error}") from error


def _clean(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_list(kind) and kind.value_type == _STR:
        return None if value is None else list(value)
    if pa.types.is_list(kind):
        return None if value is None else np.asarray(value, dtype=kind.value_type.to_pandas_dtype())
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if kind == _INT and isinstance(value, float | np.floating):
        if value != int(value):  # pyarrow would truncate it silently
            raise ValueError(f"{value} is not a whole number")
        return int(value)  # pandas turns a whole-number column with gaps into floats
    return value


def _check_columns(schema: pa.Schema, name: str, columns: Iterable[str]) -> None:
    expected, got = set(schema.names), set(columns)
    complaints = [
        f"{word} {', '.join(sorted(found))}"
        for word, found in (("missing", expected - got), ("unknown", got - expected))
        if found
    ]
    if complaints:
        raise ValueError(f"table {name!r}: columns {'; '.join(complaints)}")
