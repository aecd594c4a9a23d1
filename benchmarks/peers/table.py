"""The table of a comparison: one row a contender."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from benchmarks.peers.scores import Score, scores


def summary(tested: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """One row a contender: metrics over all folds, differences to the first, mean seconds.

    `tested`: a row for each contender, fold and test image: contender, fold, image_id, group,
    label, predicted, wall_s, versions.
    """
    contenders = {
        title: rows.sort_values(["fold", "image_id"], ignore_index=True)
        for title, rows in tested.groupby("contender", sort=False)
    }
    first = next(iter(contenders.values()))
    for title, rows in contenders.items():
        yield {
            "contender": title,
            "wall_s": float(rows.groupby("fold")["wall_s"].first().mean()),
            "test_images": len(rows),
            "groups": int(rows["group"].nunique()),
            **{name: asdict(one) for name, one in scores(rows).items()},
            "difference": {name: asdict(one) for name, one in scores(rows, first).items()},
            "versions": json.loads(rows["versions"].iloc[0]),
        }


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in percent and whole seconds."""
    lines = [
        "| contender | seconds | accuracy, % | balanced accuracy, % | accuracy minus the first |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row["contender"],
            f"{row['wall_s']:,.0f}",
            _percent(Score(**row["accuracy"])),
            _percent(Score(**row["balanced_accuracy"])),
            _percent(Score(**row["difference"]["accuracy"]), "+"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _percent(score: Score, sign: str = "") -> str:
    value, low, high = (f"{100 * one:{sign}.1f}" for one in (score.value, score.low, score.high))
    return f"{value} ({low} to {high})"
