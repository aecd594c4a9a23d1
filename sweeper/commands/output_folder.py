"""Which folder a run or an audit writes to, so that none overwrites another one's in silence.

The same images under the same name are the same run, or audit, and replace their own output. Other
images get a folder with a number: `runs/grouped-2`. A folder that `--out` names is taken as it is,
and what it held is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.config.paths import typed_path
from sweeper.config.run_paths import with_paths_of
from sweeper.config.schema import Config, DataSection
from sweeper.errors import StoreError
from sweeper.terminal import shown

Say = Callable[[str], None]
_RUN, _AUDIT = "run.json", "audit.json"


def run_folder(config: Config, out: Path | None, say: Say = print) -> Path:
    """The folder of a run. Raises StoreError where `out` is that of an audit."""
    own = images_of(config.data)
    base = out or Path("runs", config.name)
    return _folder(base, out is not None, own, _RUN, "a run", say)


def audit_folder(path: str, out: Path | None, say: Say = print) -> Path:
    """The folder of an audit of `path`. Raises StoreError where `out` is that of a run."""
    own = place_of(path)
    base = out or Path("runs", f"audit-{Path(own).name or 'root'}")
    return _folder(base, out is not None, own, _AUDIT, "an audit", say)


def place_of(path: str) -> str:
    """A path by which it is known from everywhere."""
    return shown(str(typed_path(path).resolve()))


def images_of(data: DataSection) -> str:
    """Which images a run is on: their folder, or what draws them."""
    if data.path:
        return place_of(data.path)
    return "drawn radiographs"


def _folder(base: Path, named: bool, own: str, file: str, what: str, say: Say) -> Path:
    if named:
        _refuse_other(base, file)
    held = _held(base, file)
    if held in (None, own):
        return base
    if named:
        say(f"{base} holds {what} of other images ({held}); it is replaced")
        return base
    numbered = (base.with_name(f"{base.name}-{number}") for number in count(2))
    folder = next(one for one in numbered if _held(one, file) in (None, own))
    say(f"{base} holds {what} of other images ({held}); this one's folder is {folder}")
    return folder


def _refuse_other(folder: Path, file: str) -> None:
    other, what = (_AUDIT, "an audit") if file == _RUN else (_RUN, "a run")
    if (folder / "results" / other).exists() and not (folder / "results" / file).exists():
        raise StoreError(f"--out '{folder}': holds {what}; give another folder")


def _held(folder: Path, file: str) -> str | None:
    """Of which images the folder holds a run or an audit; None where it holds neither."""
    try:
        about: dict[str, Any] = json.loads((folder / "results" / file).read_text(encoding="utf-8"))
        if file == _AUDIT:
            return str(about["folder"])
        return images_of(with_paths_of(Config(**about["config"]), about, folder).data)
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None  # nothing that could be lost by being replaced
