"""What an artifact is known by: its kind, and the key of what determines it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


def key_of(made_from: Mapping[str, Any]) -> str:
    """The key of an artifact: 32 hex digits of the SHA-256 of what it is made from, as JSON."""
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Target:
    """An artifact that something needs, whether it is there or not."""

    kind: str
    made_from: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        return key_of(self.made_from)

    @property
    def content(self) -> tuple[str, Mapping[str, Any]]:
        """Kind and what it is made from, as `Store.writing` takes them."""
        return self.kind, self.made_from

    @property
    def place(self) -> tuple[str, str]:
        """Kind and key, as `Store.find` takes them."""
        return self.kind, self.key
