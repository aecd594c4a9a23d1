"""Recognise folders written by tools: this tool's store and runs, and a hub's cache.

If a run is started in the folder of the images, `store/` and `runs/` lie beside the class folders.
"""

import os
import re
from pathlib import Path

from datasets.layout.file_kinds import is_seen
from datasets.layout.tree import Tree

_KEY = re.compile(r"[0-9a-f]{32}")
_RUN_FILES = ("results/run.json", "results/audit.json", "audit.html", "report/index.html")
_HUB = {"blobs", "refs"}  # beside snapshots/ in a cache of the Hugging Face hub
_REPORT = {"index.html", "figures", "tables"}
_RUN_FOLDERS = {"results", "report", "store", "explained", "export", "exported"}
_MAX_KINDS = 30
_STORE_DEPTH = 3  # <kind>/<key>/<attempt>/file


def written_by_a_tool(tree: Tree, folder: Path) -> str:
    """Describe the folder if a tool has written it; "" for other folders."""
    if _is_store(tree, folder):
        return "a store of this tool"
    if _is_run(folder):
        return "a run of this tool"
    below = tree.listing(folder).folders
    if (below and all(_is_run(folder / name) for name in below)) or _is_empty_runs(folder):
        return "runs of this tool"
    if folder.name in _HUB and (folder.parent / "snapshots").is_dir():
        return "the targets of the links in snapshots/"
    return ""


def _is_run(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _RUN_FILES):
        return True
    names = set(_names(folder))
    report = set(_names(folder / "report"))
    if report:
        return report <= _REPORT and names <= _RUN_FOLDERS
    return "results" in names and names <= _RUN_FOLDERS and not _names(folder / "results")


def _is_empty_runs(folder: Path) -> bool:
    return folder.name == "runs" and not _names(folder)


def _is_store(tree: Tree, folder: Path) -> bool:
    """Whether a folder contains an artifact, or is named `store` with images only as deep as one.

    Images of a class would be less deep than those of a store.
    """
    for kind in tree.listing(folder).folders[:_MAX_KINDS]:
        for key in _names(folder / kind):
            if _KEY.fullmatch(key) and (folder / kind / key / "artifact.json").is_file():
                return True
    if folder.name != "store":
        return False
    depth = len(folder.parts)
    return not any(
        listing.images and len(at.parts) - depth < _STORE_DEPTH for at, listing in tree.walk(folder)
    )


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if is_seen(name)]
    except OSError:
        return []
