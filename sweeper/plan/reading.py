"""Describe a folder of images in a manifest, decoding only files that are new to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from datasets.decoding.describe import Description
from datasets.manifest import manifest_of
from datasets.sources import Contents
from sweeper.plan import descriptions as described_files
from sweeper.plan import listings
from sweeper.plan.descriptions import Descriptions
from sweeper.plan.image_source import ImageSource
from sweeper.plan.listings import Listing
from sweeper.progress import Progress


@dataclass(frozen=True)
class ReadImages:
    """The manifest of all files, and the kind and key of every artifact that it comes from."""

    manifest: pd.DataFrame
    artifacts: tuple[tuple[str, str], ...]


def read_images(
    source: ImageSource, contents: Contents, descriptions: Descriptions, progress: Progress
) -> ReadImages:
    """Describe every file of a folder.

    The content hash of a file comes from the artifact that contains it, from the listing, or from
    hashing it, in this order; contents without a description are decoded.
    """
    paths = [file.path for file in contents.files if not file.problem]
    artifacts = []
    with progress.during("read images", len(paths), "images"):
        if source.sums:
            hashes = {path: source.sums[path].sha256 for path in paths if path in source.sums}
            described = _describe(source.root, paths, hashes, descriptions, progress.reach)
        else:
            listing = Listing(source.root, paths, descriptions.store)
            hashes = _hashes(listing, paths, descriptions)
            described = _describe(source.root, paths, hashes, descriptions, progress.reach)
            found = {path: one.content_hash for path, one in described.items()}
            listing.remember({path: one for path, one in found.items() if one})
            artifacts.append((listings.KIND, listing.key))
        keys = descriptions.keys(one.content_hash for one in described.values())
        artifacts += [(described_files.KIND, key) for key in keys]
    return ReadImages(manifest_of(contents.files, described), tuple(artifacts))


def _hashes(listing: Listing, paths: list[str], descriptions: Descriptions) -> dict[str, str]:
    """The hash of the bytes by path, where that may save decoding the file."""
    hashes = listing.remembered()
    if len(descriptions):
        hashes |= listing.hashed([path for path in paths if path not in hashes])
    return hashes


def _describe(
    root: str,
    paths: list[str],
    hashes: Mapping[str, str],
    descriptions: Descriptions,
    on_progress: Callable[[int], None],
) -> dict[str, Description]:
    """Every file's description by path; of files with equal bytes one is decoded."""
    known = descriptions.known(hashes.values())
    described = {path: known[hashes[path]] for path in paths if hashes.get(path) in known}
    missing = [path for path in paths if path not in described]
    first_of: dict[str, str] = {}
    for path in missing:
        first_of.setdefault(hashes.get(path, path), path)
    for path, description in descriptions.read(root, list(first_of.values())):
        described[path] = description
        on_progress(len(described))
    for path in set(missing) - set(described):
        first = described[first_of[hashes[path]]]
        if first.content_hash == hashes[path]:
            described[path] = first
    changed = [path for path in missing if path not in described]  # since they were hashed
    return described | dict(descriptions.read(root, changed))
