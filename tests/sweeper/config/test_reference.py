"""The reference of the configuration keys is complete and agrees with the schema."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from sweeper.config.reference import PAGE, reference, sections, type_in_words
from sweeper.config.schema import Config

Rate = Annotated[float, Field(gt=0, le=10)]


class _Kinds(BaseModel):
    text: str
    choice: Literal["a", "b", "c"]
    count: Annotated[int, Field(ge=1, le=9)] | None
    any_number: Annotated[int, Field(ge=-(2**53), le=2**53)]
    share: Annotated[float, Field(ge=0, lt=1)]
    rates: Annotated[list[Rate], Field(min_length=1, max_length=4)]
    shares: tuple[float, float, float]
    names: dict[str, Annotated[list[str], Field(min_length=2)]]


class _Entry(BaseModel):
    size: int = 3


class _Open(BaseModel):
    entries: dict[str, _Entry] = {}


def test_the_page_is_what_the_schema_generates() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run python -m sweeper.config.reference and commit the page"
    )


def test_every_key_and_section_has_a_meaning() -> None:
    top, *others = sections(Config)
    keys = [key for section in (top, *others) for key in section.keys]
    assert [key.path for key in keys if not key.meaning.endswith(".")] == []
    assert [section.path for section in others if not section.meaning.endswith(".")] == []


def test_the_page_lists_nested_keys_with_their_defaults() -> None:
    rows = {key.path: key.default for section in sections(Config) for key in section.keys}
    assert rows["name"] == "required"
    assert rows["split.folds"] == "none"
    assert rows["data.synthetic.images_per_class"] == "`30`"
    assert rows["split.fractions"] == "`[0.8, 0.1, 0.1]`"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("text", "string"),
        ("choice", "`a`, `b` or `c`"),
        ("count", "whole number from 1 to 9"),
        ("any_number", "whole number"),
        ("share", "number, at least 0 and below 1"),
        ("rates", "list of numbers, above 0 and at most 10 (1 to 4 items)"),
        ("shares", "3 numbers"),
        ("names", "mapping of names to lists of strings (2 or more items)"),
    ],
)
def test_a_type_is_described_in_words_with_its_bounds(key: str, words: str) -> None:
    assert type_in_words(_Kinds.model_fields[key]) == words


def test_a_mapping_of_sections_lists_the_keys_of_one_entry() -> None:
    top, entry = sections(_Open)
    assert [(key.path, key.type) for key in top.keys] == [
        ("entries", "mapping of names to sections")
    ]
    assert [key.path for key in entry.keys] == ["entries.NAME.size"]
