"""Parse the value of `--set key.path=value` according to the key's type.

Text, numbers and switches are taken exactly as typed, so that a folder may be called `scans #2`,
`2024` or `[x] y`; lists and sections are YAML, whose scalars stay text as well.
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
    """Parse the value of the key at `keys`; the text itself if there is no such key.

    Raises ValueError, with a message that follows the key: an empty value, or invalid YAML for a
    list or a section.
    """
    kinds = list(_kinds_at(Config, keys))
    if any(_is_container(kind) for kind in kinds):
        try:
            return parse(_checked(text))
        except NotYaml as error:
            way_out = _unclosed(text) or f"{error}; quote values with # : , or brackets"
            raise ValueError(way_out) from None
    if text in _NULLS and NoneType in kinds and list(keys) not in _PATHS:
        return None
    return _checked(_unquoted(text))


def _unclosed(text: str) -> str:
    """The way out if only closing brackets are missing; "" otherwise."""
    missing: list[str] = []
    for letter in text:
        if letter in _CLOSING:
            missing.insert(0, _CLOSING[letter])
        elif missing and letter == missing[0]:
            missing.pop(0)
    closed = text.strip() + "".join(missing[:MAX_DEPTH])
    try:
        value = parse(closed)
    except NotYaml:
        return ""
    return f"the {'list' if isinstance(value, list) else 'section'} is not closed; write {closed}"


def _checked(text: str) -> str:
    if not text.strip():
        raise ValueError("empty; write a value after the =")
    if "\0" in text or _has_surrogates(text):
        raise ValueError("contains a character that is not Unicode text")
    return text


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _unquoted(text: str) -> str:
    """The text without the quotes that YAML would need, if the user has typed them."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        try:
            value = parse(text)
        except NotYaml:  # such as a regular expression's \d in double quotes
            return text
        return value if isinstance(value, str) else text
    return text


def _kinds_at(kind: Any, keys: Sequence[str]) -> Iterator[Any]:
    """The types that the value at `keys`, within a value of type `kind`, may have."""
    for alternative in _alternatives(kind):
        if not keys:
            yield alternative
        elif isinstance(alternative, type) and issubclass(alternative, BaseModel):
            if keys[0] in alternative.model_fields:
                yield from _kinds_at(alternative.model_fields[keys[0]].annotation, keys[1:])
        elif get_origin(alternative) is dict:
            yield from _kinds_at(get_args(alternative)[1], keys[1:])


def _alternatives(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for member in get_args(kind):
            yield from _alternatives(member)
    else:
        yield kind


def _is_container(kind: Any) -> bool:
    is_section = isinstance(kind, type) and issubclass(kind, BaseModel)
    return is_section or (get_origin(kind) or kind) in _CONTAINERS
