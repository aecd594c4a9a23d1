"""The section `recipes` of a configuration, and the recipe that an entry amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from sweeper.config.allowed import unexpected
from sweeper.config.search_space import Space, first_of, space_type
from trainables.hyperparameters import HYPERPARAMETERS
from trainables.recipes import DEFAULT_BASE, RECIPES

_DRAWN = "A value, a list of values, `{uniform: [low, high]}` or `{log_uniform: [low, high]}`"


class _RecipeKeys(BaseModel):
    """One entry of `recipes`: what it changes of its base."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
    base: str | None = None
    """The recipe that it starts from, `modern` by default. An entry under a shipped recipe's name
    starts from that one."""


if TYPE_CHECKING:

    class RecipeSection(_RecipeKeys):
        pass

else:
    RecipeSection = create_model(
        "RecipeSection",
        __base__=_RecipeKeys,
        **{
            one.name: (
                space_type(one) | None,
                Field(None, description=f"{_DRAWN}: {one.meaning}."),
            )
            for one in HYPERPARAMETERS.values()
        },
    )


@dataclass(frozen=True)
class Recipe:
    """A recipe with everything it sets: draw 0, and what the other draws are drawn from."""

    name: str
    first_draw: Mapping[str, Any]
    space: Mapping[str, Space]


def resolved(name: str, entries: Mapping[str, RecipeSection]) -> Recipe:
    """The recipe of that name. `mistakes_of` must have found none."""
    entry = entries.get(name)
    if name in RECIPES:
        shipped: dict[str, Space] = dict(RECIPES[name].space)
        base = Recipe(
            name, {one: values[0] for one, values in RECIPES[name].space.items()}, shipped
        )
    else:
        base = resolved((entry.base if entry else None) or DEFAULT_BASE, entries)
    changed: dict[str, Space] = {
        one: space for one in HYPERPARAMETERS if (space := getattr(entry, one, None)) is not None
    }
    first = {one: first_of(space, base.first_draw[one]) for one, space in changed.items()}
    return Recipe(name, {**base.first_draw, **first}, {**base.space, **changed})


def known_recipes(entries: Mapping[str, RecipeSection]) -> list[str]:
    """The names of all recipes."""
    return list(dict.fromkeys([*RECIPES, *entries]))


def base_mistakes(entries: Mapping[str, RecipeSection]) -> Iterator[str]:
    """An error line for each base that does not exist or leads back to its own recipe."""
    known = known_recipes(entries)
    for name, entry in entries.items():
        if entry.base is None:
            continue
        if name in RECIPES:
            yield f"recipes.{name}.base: {name} is a shipped recipe and has no base; remove the key"
        elif entry.base not in known:
            yield f"recipes.{name}.base={unexpected(entry.base, known)}"
        elif _leads_back(name, entries):
            yield f"recipes.{name}.base='{entry.base}': {name} would start from itself; change it"


def _leads_back(name: str, entries: Mapping[str, RecipeSection]) -> bool:
    at, seen = name, set[str]()
    while at in entries and at not in RECIPES and at not in seen:
        seen.add(at)
        at = entries[at].base or DEFAULT_BASE
    return at == name
