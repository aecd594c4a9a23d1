"""Expand typed paths, and check folder names."""

from __future__ import annotations

import unicodedata
from pathlib import Path

_MAX_LENGTH, _MAX_BYTES = 100, 200  # file systems allow 255, and `-2` may be appended
NAME_RULE = (
    "a name begins with a letter or digit and consists of letters and digits of any script, "
    f"spaces, dots, hyphens and underscores, at most {_MAX_LENGTH} ({_MAX_BYTES} bytes)"
)


def expanded(text: str) -> str:
    """Expand a leading `~/` to the home folder.

    The shell does not do it for `--set key=~/...`, nor for the quoted command of `ray job submit`.
    """
    return str(Path.home() / text[2:]) if text.startswith("~/") else text


def typed_path(text: str) -> Path:
    """The path that the user typed."""
    return Path(expanded(text))


def typed_address(text: str) -> str | Path:
    """The address that the user typed as it is, such as s3://bucket/prefix, or the path."""
    return text if "://" in text else typed_path(text)


def is_folder_name(text: str) -> bool:
    """Whether `text` is a valid folder name on any machine: see `NAME_RULE`."""
    if not 0 < len(text) <= _MAX_LENGTH or len(text.encode()) > _MAX_BYTES:
        return False
    kinds = [unicodedata.category(letter)[0] for letter in text]
    valid = all(kind in "LNM" or letter in "._ -" for kind, letter in zip(kinds, text, strict=True))
    return valid and kinds[0] in "LN"
