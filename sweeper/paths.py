"""Paths as they are typed."""

from __future__ import annotations

from pathlib import Path


def expanded(text: str) -> str:
    """`text` with a leading `~/` as the home folder, where no shell has done it: `ray job submit`
    hands its command over quoted, and `--set` has the path behind a `=`."""
    return str(Path.home() / text[2:]) if text.startswith("~/") else text


def typed_path(text: str) -> Path:
    """The path that `text` names."""
    return Path(expanded(text))
