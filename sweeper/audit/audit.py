"""Audit a folder of images: list, decode, compare and count them, and write a report.

    collect -> findings -> tables -> pictures -> page

It needs neither torch nor Ray, and writes nothing into the audited folder. The slowest step, the
comparison of all images, is kept in a store, which speeds up a second audit and a run with the same
store.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.errors import DataError
from datasets.findings.doubts import voters
from datasets.findings.labels import no_ranking
from datasets.layout.tree import LINK
from datasets.manifest import usable
from reports.audit_labels import pictures as label_pictures
from reports.audit_page import build_audit_page
from reports.audit_pairs import ordered_groups
from reports.audit_pairs import pictures as pair_pictures
from reports.tables import write_table
from sweeper.audit.findings import Findings
from sweeper.audit.page_images import choose_images, encode_images
from sweeper.commands.output_folder import resolved_path
from sweeper.config.schema import DataSection
from sweeper.errors import StoreError
from sweeper.plan.collect import find_groups, label_ranking, poor
from sweeper.plan.descriptions import Descriptions
from sweeper.plan.image_source import contents_of, find_source, remarks_on
from sweeper.plan.known import known_of
from sweeper.plan.reading import read_images
from sweeper.progress import Progress
from sweeper.store.address import name_of
from sweeper.store.store import Store

_MAX_PAIR_PICTURES = 240  # the remaining pictures are for doubtful labels


class OnlyLinksError(DataError):
    """A folder that contains nothing but links that lead out of it."""


def run_audit(
    data: DataSection, out: Path, store: str, command: str, progress: Progress | None = None
) -> Findings:
    """Audit the images at `data.path` into `out`: results/*.parquet, results/audit.json,
    audit.html.

    Args:
        store: address of the store that keeps the results of comparisons.

    Raises:
        DataError: no folder of class folders, or no readable file in it.
        OnlyLinksError: nothing but links that lead out of the folder.
        StoreError: `out` is inside the folder or cannot be written to.
    """
    progress = progress or Progress()
    path = str(data.path)
    if os.path.isdir(path):
        _check_outside(out, path)
    descriptions = Descriptions(Store(store))
    source = find_source(data, descriptions.store, progress)
    with progress.during("list images"):
        contents = contents_of(source, data)
    manifest = read_images(source, contents, descriptions, progress).manifest
    images = usable(manifest)
    if images.empty:
        raise _nothing_usable(path, manifest)
    with progress.during("look for copies"):
        collection = find_groups(source.root, manifest, data, descriptions, contents.known)
    known = known_of(source.root, collection.images, contents.known, descriptions.store).metadata
    remarks = (*remarks_on(contents, data), *collection.remarks, *known.remarks)
    collection = replace(collection, remarks=remarks, metadata=known.rows)
    ranked = no_ranking()
    with progress.during("look for doubtful labels"):
        if data.check_labels:
            ranked = label_ranking(collection, descriptions, voters(images))
        compared = data.check_labels or data.near_duplicates
        findings = Findings(collection, ranked, poor(collection, descriptions) if compared else ())
    with progress.during("write tables and page"):
        _write(findings, path, out, command, descriptions)
        build_audit_page(out)
    return findings


def _nothing_usable(path: str, manifest: pd.DataFrame) -> DataError:
    number, first = len(manifest), manifest.iloc[0]
    if manifest["problem"].str.startswith(LINK).all():
        return OnlyLinksError(
            f"data.path={path!r}: all {number} files are links that lead out of the folder; set "
            "data.follow_links=true to read their targets, or copy the files into it"
        )
    return DataError(
        f"data.path={path!r}: none of {number} files can be read; the first is "
        f"{first['path']!r} ({first['problem']})"
    )


def _check_outside(out: Path, root: str) -> None:
    """Refuse an output folder inside the audited folder."""
    if out.resolve().is_relative_to(Path(root).resolve()):
        raise StoreError(
            f"--out '{out}': is inside the audited folder, so that the next audit would find it; "
            "choose a folder outside of it"
        )


def _write(
    findings: Findings, path: str, out: Path, command: str, descriptions: Descriptions
) -> None:
    results = out / "results"
    collection = findings.collection
    labels = _labels(findings)
    groups = ordered_groups(collection.images, findings.duplicates)
    chosen = choose_images(
        (pair_pictures(groups), _MAX_PAIR_PICTURES), (label_pictures(labels), 300)
    )
    write_table(results, "images", collection.manifest)
    write_table(results, "duplicates", findings.duplicates)
    write_table(results, "labels", labels)
    write_table(results, "pictures", encode_images(collection, descriptions, chosen))
    about: dict[str, Any] = {
        "name": name_of(resolved_path(path)),
        "folder": resolved_path(path),
        "command": command,
        **findings.as_json(),
    }
    text = json.dumps(about, indent=1, ensure_ascii=False)
    (results / "audit.json").write_text(text + "\n", encoding="utf-8")


def _labels(findings: Findings) -> pd.DataFrame:
    """The table `labels`: every ranked image, with its path."""
    ranked, images = findings.ranked, findings.images
    path = ranked["image_id"].map(images.set_index("image_id")["path"])
    doubtful = ranked["image_id"].isin(findings.doubtful["image_id"])
    return ranked.assign(path=path, doubtful=doubtful)
