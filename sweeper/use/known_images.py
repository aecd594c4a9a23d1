"""Recognise images that a run has seen before: the same file, the same pixels, or a near-copy.

A prediction on a training image says nothing about the network's quality. Near-copies are found as
in the audit, on thumbnails made from the run's image shards, so that the original files are not
needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow.dataset

from datasets.lookalikes.candidates import compute_descriptors, find_candidates
from datasets.lookalikes.near import compare_pairs, guess_overlays, is_copy
from datasets.lookalikes.thumbnails import SIDE, Thumbnails, thumbnail
from datasets.preprocess import contents
from datasets.shards import pixels_of
from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell
from sweeper.use.finished import FinishedRun
from sweeper.use.new_images import NewImage
from sweeper.use.run_artifacts import images_of_run, shards_of

MAX_COMPARED = 20_000  # images of a run; each takes 2 ms and 25 kB
_BATCH = 256  # rows of the shards
_PART_ORDER = ("train", "val", "test")


@dataclass(frozen=True)
class KnownImage:
    """The run's image that a new image is a copy of.

    `how` is "exact" or "near"; `part` is train, val or test of the cell's split, or "" if the cell
    does not use the image.
    """

    how: str
    path: str
    part: str

    def __str__(self) -> str:
        where = f"in the {self.part} part" if self.part else "not used by this cell"
        copy = "a copy" if self.how == "exact" else "a near-copy"
        return f"{copy} of {self.path}, {where}"


class KnownImages:
    """An index of the images of a run."""

    def __init__(self, run: FinishedRun, chosen: ChosenCell, store: Store) -> None:
        self.images = images_of_run(run)
        split = read_split(store, chosen.spec.split_key)
        self._parts: dict[str, set[str]] = {
            str(part): set(rows["image_id"]) for part, rows in split.groupby("part")
        }
        self._store = store
        self._shards = shards_of(chosen.spec, store)
        self._preprocessing = run.preprocessing(chosen.cell.backbone)

    @property
    def finds_near_copies(self) -> bool:
        """Whether the store still has the shards, with few enough images to compare."""
        return self._shards is not None and len(self.images) <= MAX_COMPARED

    def find(self, new: Sequence[NewImage]) -> list[KnownImage | None]:
        """The known image of each new one; exact copies are preferred, then training images."""
        found = [self._exact(image) for image in new]
        rest = [
            i for i, known in enumerate(found) if known is None and new[i].thumbnail is not None
        ]
        if rest and self.finds_near_copies:
            for i, known in zip(rest, self._near([new[i] for i in rest]), strict=True):
                found[i] = known
        return found

    def part_of(self, image_id: str) -> str:
        """The part that an image of the run is in: the first of train, val and test; "" if none."""
        parts = (part for part in _PART_ORDER if image_id in self._parts.get(part, ()))
        return next(parts, "")

    def _exact(self, image: NewImage) -> KnownImage | None:
        if image.problem:
            return None
        by_bytes = self.images["image_id"].str.partition("-")[0] == image.content_hash
        by_pixels = self.images["pixel_hash"] == image.pixel_hash
        return self._first("exact", self.images[by_bytes | by_pixels])

    def _near(self, new: Sequence[NewImage]) -> list[KnownImage | None]:
        known = self._thumbnails
        pixels = np.stack([image.thumbnail for image in new if image.thumbnail is not None])
        aspects = np.array([image.aspect for image in new])
        both = Thumbnails(
            np.concatenate([known.pixels, pixels]), np.concatenate([known.aspects, aspects])
        )
        guesses = guess_overlays(find_candidates(compute_descriptors(both)), both)
        across = {
            pair: overlays for pair, overlays in guesses.items() if pair[0] < len(known) <= pair[1]
        }
        copies: dict[int, list[int]] = {}
        for comparison in compare_pairs(both, across):
            if comparison.overlay and is_copy(comparison.overlay):
                copies.setdefault(comparison.b - len(known), []).append(comparison.a)
        return [self._first("near", self.images.iloc[copies.get(i, [])]) for i in range(len(new))]

    @cached_property
    def _thumbnails(self) -> Thumbnails:
        """Thumbnails of the unaugmented images, read a few rows at a time."""
        assert self._shards is not None
        row_of = {image_id: i for i, image_id in enumerate(self.images["image_id"])}
        pixels = np.zeros((len(row_of), SIDE, SIDE), np.uint8)
        aspects = np.ones(len(row_of))
        sizes = list(zip(self.images["width"], self.images["height"], strict=True))
        shards = pyarrow.dataset.dataset(
            self._shards.folder, filesystem=self._store.filesystem, format="parquet"
        )
        originals = pyarrow.dataset.field("copy") == 0
        for batch in shards.to_batches(filter=originals, batch_size=_BATCH):
            table = pyarrow.Table.from_batches([batch])
            for image_id, image in zip(
                table["image_id"].to_pylist(), pixels_of(table), strict=True
            ):
                if image_id in row_of:
                    row = row_of[image_id]
                    shown, aspects[row] = contents(image, *sizes[row], self._preprocessing)
                    pixels[row] = thumbnail(shown)
        return Thumbnails(pixels, aspects)

    def _first(self, how: str, rows: pd.DataFrame) -> KnownImage | None:
        """The first of the matching images, by part: train before val before test."""
        if rows.empty:
            return None
        ids = dict(zip(rows["image_id"], rows["path"], strict=True))
        for part in _PART_ORDER:
            for image_id, path in ids.items():
                if image_id in self._parts.get(part, ()):
                    return KnownImage(how, str(path), part)
        return KnownImage(how, str(next(iter(ids.values()))), "")
