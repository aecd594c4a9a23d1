"""Remember on this machine what is known of networks: to count, cut or describe one imports torch
and timm, which takes seconds, and the answer never changes.

An answer is a JSON file in the machine's cache, under a hash of the question, of the versions of
torch and timm, and of this package's sources. Where the cache cannot be used, it is computed.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from trainables.machine_cache import cache_folder

_FOLDER = "networks.known"  # with a suffix, it is no folder that the cache fetched
_READ_FROM = ("torch", "timm")

Question = ParamSpec("Question")
Answer = TypeVar("Answer")


def remembered(
    restore: Callable[[Any], Answer],
) -> Callable[[Callable[Question, Answer]], Callable[Question, Answer]]:
    """A decorator for a function of plain values; `restore` makes its answer from JSON. Errors are
    not remembered."""

    def decorate(compute: Callable[Question, Answer]) -> Callable[Question, Answer]:
        answers: dict[str, Answer] = {}

        @wraps(compute)
        def answer(*args: Question.args, **options: Question.kwargs) -> Answer:
            asked = [compute.__module__, compute.__qualname__, args, options, *_sources()]
            text = json.dumps(asked, default=asdict, sort_keys=True)
            if text not in answers:
                key = hashlib.sha256(text.encode()).hexdigest()[:32]
                answers[text] = _looked_up(key, restore, lambda: compute(*args, **options))
            return answers[text]

        return answer

    return decorate


def _looked_up(key: str, restore: Callable[[Any], Answer], compute: Callable[[], Answer]) -> Answer:
    with suppress(OSError, ValueError, TypeError, KeyError):  # not there, or not one of ours
        return restore(json.loads((_folder() / f"{key}.json").read_text(encoding="utf-8")))
    found = compute()
    with suppress(OSError):
        _keep(_folder() / f"{key}.json", json.dumps(found, default=asdict))
    return found


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    scratch = path.with_suffix(f".{uuid.uuid4().hex[:12]}")
    scratch.write_text(text, encoding="utf-8")
    os.replace(scratch, path)


def _folder() -> Path:
    return cache_folder() / _FOLDER


@cache
def _sources() -> tuple[str, ...]:
    """What an answer depends on besides its question."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return (digest.hexdigest(), *map(version, _READ_FROM))
