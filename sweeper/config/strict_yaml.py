"""Parse the subset of YAML allowed in configs: plain values, unique keys, limited size.

Every scalar stays text as written, and the type of its key decides how it is read: a scenario may
be called `no`, `2024` or `2024-01-05`, which YAML 1.1 would turn into False, a number and a date.

PyYAML itself silently takes the last of two equal keys, and expands anchors without limit.
"""

from __future__ import annotations

from typing import Any

import yaml

MAX_CHARACTERS = 1_000_000
MAX_VALUES = 20_000  # with anchors expanded
MAX_DEPTH = 12  # the deepest key of a config is at 4
_TOO_MANY_VALUES = f"more than {MAX_VALUES} values, with anchors expanded"
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
# PyYAML passes on errors of its constructors, such as for the date 2024-13-45 or `!!int ""`.
_NOT_YAML = (
    yaml.YAMLError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    RecursionError,
)


class NotYaml(ValueError):
    """Text that is not YAML, or exceeds the limits of a config."""


def parse(text: str) -> Any:
    """Parse a YAML document into text, null, lists and mappings. Raises NotYaml."""
    if len(text) > MAX_CHARACTERS:
        raise NotYaml(f"more than {MAX_CHARACTERS} characters")
    try:
        value = yaml.load(text, Loader=_Loader)
    except RecursionError:
        raise NotYaml(f"nested deeper than {MAX_DEPTH} levels") from None
    except NotYaml:
        raise
    except _NOT_YAML as error:
        raise NotYaml(f"not YAML: {_reason(error)}") from None
    _check(value)
    return value


def _reason(error: Exception) -> str:
    """PyYAML's message with its position, without an excerpt of the text."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem is None:
        return str(error)
    problem = error.problem.replace("'<stream end>'", "the end")
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


class _Loader(yaml.SafeLoader):
    """Keeps scalars as text; refuses duplicate keys and keys without a value."""

    def as_written(self, node: yaml.ScalarNode) -> str:
        return str(node.value)

    def null(self, node: yaml.ScalarNode) -> None:
        if not node.value:
            line = node.start_mark.line + 1
            raise NotYaml(f"line {line}: a key without a value; write one, or null, or remove it")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        given = [key for key, _ in node.value if key.tag != _MERGE]
        mapping = super().construct_mapping(node, deep)
        seen = set()
        for key in given:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise NotYaml(f"line {key.start_mark.line + 1}: duplicate key {name!r}")
            seen.add(name)
        return mapping

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MAX_VALUES:
            raise NotYaml(_TOO_MANY_VALUES)


for _kind in ("bool", "int", "float", "timestamp", "value"):
    _Loader.add_constructor(f"{_TAG}{_kind}", _Loader.as_written)
_Loader.add_constructor(f"{_TAG}null", _Loader.null)


def _check(value: Any) -> None:
    """Raise NotYaml for too many values, too deep ones, or values that are not text."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_VALUES:
            raise NotYaml(_TOO_MANY_VALUES)
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item, *item.values()]
            elif isinstance(item, list):
                below += item
            else:
                _check_plain(item)
            if len(below) > MAX_VALUES:
                raise NotYaml(_TOO_MANY_VALUES)
        level = below
        if not level:
            return
    raise NotYaml(f"nested deeper than {MAX_DEPTH} levels")


def _check_plain(value: Any) -> None:
    if not isinstance(value, str | None):
        raise NotYaml(f"a value of type {type(value).__name__}; expected text, numbers or lists")
