"""Paths as they are typed, and names of folders."""

from __future__ import annotations

import unicodedata
from pathlib import Path

_LONGEST_NAME, _MOST_BYTES = 100, 200  # a file system takes 255, and `-2` is put behind it
NAME_RULE = (
    "a name begins with a letter or digit and holds letters and digits of any script, spaces, "
    f"dots, hyphens and underscores, {_LONGEST_NAME} at most ({_MOST_BYTES} bytes)"
)


def expanded(text: str) -> str:
    """`text` with a leading `~/` as the home folder, where no shell has done it: `ray job submit`
    hands its command over quoted, and `--set` has the path behind a `=`."""
    return str(Path.home() / text[2:]) if text.startswith("~/") else text


def typed_path(text: str) -> Path:
    """The path that `text` names."""
    return Path(expanded(text))


def is_folder_name(text: str) -> bool:
    """Whether `text` may be the name of a folder on any machine, as `NAME_RULE` tells it."""
    if not 0 < len(text) <= _LONGEST_NAME or len(text.encode()) > _MOST_BYTES:
        return False
    kinds = [unicodedata.category(letter)[0] for letter in text]
    named = all(kind in "LNM" or letter in "._ -" for kind, letter in zip(kinds, text, strict=True))
    return named and kinds[0] in "LN"
