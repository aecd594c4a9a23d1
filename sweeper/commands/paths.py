"""Paths as they are typed."""

from __future__ import annotations

from pathlib import Path


def typed_path(text: str) -> Path:
    """A path whose `~` no shell has replaced: `ray job submit` hands its command over quoted."""
    return Path(text).expanduser()
