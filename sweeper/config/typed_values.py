"""The value of `--set key.path=value`: what was typed, read as the key's type asks.

A text, a number or a switch is taken exactly as it was typed, so that a folder may be called
`scans #2`, `2024` or `[x] y`; lists and sections are YAML, whose scalars stay text as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from sweeper.config.schema import Config
from sweeper.config.strict_yaml import MAX_DEPTH, NotYaml, parse

_CONTAINERS = (list, tuple, dict)
_CLOSING = {"[": "]", "{": "}"}
_NULLS = ("null", "~")
_PATHS = (["data", "path"], ["split", "file"])  # a folder may be called null


def typed_value(keys: Sequence[str], text: str) -> Any:
    """The value of the key at `keys`; the text itself where there is no such key.

    Raises ValueError, in words that follow the key: nothing was typed, or no YAML where a list or
    a section is wanted.
    """
    kinds = list(_kinds_at(Config, keys))
    if any(_is_container(kind) for kind in kinds):
        try:
            return parse(_typed(text))
        except NotYaml as error:
            way_out = _unclosed(text) or f"{error}; quote what holds # : , or brackets"
            raise ValueError(way_out) from None
    if text in _NULLS and NoneType in kinds and list(keys) not in _PATHS:
        return None
    return _typed(_unquoted(text))


def _unclosed(text: str) -> str:
    """The way out where only closing brackets lack; "" for others."""
    lacking: list[str] = []
    for letter in text:
        if letter in _CLOSING:
            lacking.insert(0, _CLOSING[letter])
        elif lacking and letter == lacking[0]:
            lacking.pop(0)
    closed = text.strip() + "".join(lacking[:MAX_DEPTH])
    try:
        value = parse(closed)
    except NotYaml:
        return ""
    return f"the {'list' if isinstance(value, list) else 'section'} is not closed; write {closed}"


def _typed(text: str) -> str:
    if not text.strip():
        raise ValueError("empty; write a value behind the =")
    if "\0" in text or _has_surrogates(text):
        raise ValueError("holds a character that is not Unicode text")
    return text


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _unquoted(text: str) -> str:
    """The text without the quotes that YAML asks for, where somebody has typed them."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        try:
            value = parse(text)
        except NotYaml:  # such as a regular expression's \d in double quotes
            return text
        return value if isinstance(value, str) else text
    return text


def _kinds_at(kind: Any, keys: Sequence[str]) -> Iterator[Any]:
    """The types that the value at `keys` below a value of type `kind` may have."""
    for one in _alternatives(kind):
        if not keys:
            yield one
        elif isinstance(one, type) and issubclass(one, BaseModel):
            if keys[0] in one.model_fields:
                yield from _kinds_at(one.model_fields[keys[0]].annotation, keys[1:])
        elif get_origin(one) is dict:
            yield from _kinds_at(get_args(one)[1], keys[1:])


def _alternatives(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind


def _is_container(kind: Any) -> bool:
    is_section = isinstance(kind, type) and issubclass(kind, BaseModel)
    return is_section or (get_origin(kind) or kind) in _CONTAINERS
