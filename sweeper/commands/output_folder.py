"""Choose the output folder of a run or an audit, without silently overwriting another one.

A run (or audit) of the same images under the same name replaces its own output. Other images get a
numbered folder: `runs/default-2`. A folder given by `--out` is used as it is, and a message says
what is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.config.earlier import in_present_keys
from sweeper.config.paths import typed_path
from sweeper.config.run_paths import with_paths_of
from sweeper.config.schema import Config, DataSection
from sweeper.errors import StoreError
from sweeper.store.address import is_remote, name_of
from sweeper.terminal import shown

Say = Callable[[str], None]
_RUN, _AUDIT = "run.json", "audit.json"


def run_folder(config: Config, out: Path | None, say: Say = print) -> Path:
    """The folder of a run. Raises StoreError if `out` is that of an audit."""
    base = out or Path("runs", config.name)
    return _folder(base, out is not None, image_source(config.data), _RUN, "a run", say)


def audit_folder(path: str, out: Path | None, say: Say = print) -> Path:
    """The folder of an audit of `path`. Raises StoreError if `out` is that of a run."""
    images = resolved_path(path)
    base = out or Path("runs", f"audit-{name_of(images) or 'root'}")
    return _folder(base, out is not None, images, _AUDIT, "an audit", say)


def resolved_path(path: str) -> str:
    """The absolute path, or the address as it is, as printable text."""
    if is_remote(path):
        return shown(path)
    return shown(str(typed_path(path).resolve()))


def image_source(data: DataSection) -> str:
    """The images of a run: their folder with the table of their labels, or their generator."""
    if data.path and data.labels:
        column = f", column {data.label}" if data.label else ""
        return f"{resolved_path(data.path)} with the labels of {resolved_path(data.labels)}{column}"
    if data.path:
        return resolved_path(data.path)
    return "drawn radiographs"


def _folder(base: Path, is_given: bool, images: str, file: str, kind: str, say: Say) -> Path:
    if is_given:
        _refuse_other(base, file)
    existing = _existing_images(base, file)
    if existing in (None, images):
        return base
    if is_given:
        say(f"{base} contains {kind} of other images ({existing}), which is replaced")
        return base
    numbered = (base.with_name(f"{base.name}-{number}") for number in count(2))
    folder = next(path for path in numbered if _existing_images(path, file) in (None, images))
    say(f"{base} contains {kind} of other images ({existing}); writing to {folder}")
    return folder


def _refuse_other(folder: Path, file: str) -> None:
    other, kind = (_AUDIT, "an audit") if file == _RUN else (_RUN, "a run")
    if (folder / "results" / other).exists() and not (folder / "results" / file).exists():
        raise StoreError(f"--out '{folder}': contains {kind}; choose another folder")


def _existing_images(folder: Path, file: str) -> str | None:
    """The images of the run or audit in a folder; None if there is none."""
    try:
        about: dict[str, Any] = json.loads((folder / "results" / file).read_text(encoding="utf-8"))
        if file == _AUDIT:
            return str(about["folder"])
        config = Config.model_validate(in_present_keys(about["config"]))
        return image_source(with_paths_of(config, about, folder).data)
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None  # nothing is lost by replacing it
