"""Detect file names of images that probably belong together but are not in one group.

File names are no proof, so the rule is only proposed; it takes effect once the user sets
`data.group_by`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from datasets.filenames.schemes import patient_pattern
from datasets.filenames.sources import filename_sources
from datasets.groups import FILENAME, pattern_group

_EXAMPLES = 2  # of sources
_MAX_LENGTH = 60  # characters of a name


@dataclass(frozen=True)
class NamingRule:
    """`group_by` would join `images` that are in several groups now.

    `examples` are the shortest pairs of file names of one source.
    """

    group_by: str
    images: int
    examples: tuple[tuple[str, str], ...]

    @property
    def setting(self) -> str:
        """The rule as a command-line argument."""
        plain = re.fullmatch(r"\w+", self.group_by)
        value = f"data.group_by={self.group_by}"
        return f"--set {value}" if plain else f"--set '{value}'"


def propose_rule(images: pd.DataFrame, duplicates: pd.DataFrame) -> NamingRule | None:
    """Propose the file-name rule that joins the most images now in several groups.

    Args:
        images: columns path, class, group; usable rows only.
        duplicates: `pairs.PAIR_COLUMNS`.

    Returns:
        None if no rule joins any, or if the user has set `data.group_by`.
    """
    if ((duplicates["kind"] == "user") & (duplicates["transform"] == "group")).any():
        return None
    rules = [_naming_rule(images, FILENAME, filename_sources(images["path"]))]
    pattern = patient_pattern(zip(images["path"], images["class"], strict=True))
    if pattern is not None:
        search = pattern_group(re.compile(pattern))
        sources = {path: search(path) for path in images["path"]}
        rules.append(_naming_rule(images, pattern, sources))
    best = max(rules, key=lambda rule: rule.images)
    return best if best.images else None


def _naming_rule(images: pd.DataFrame, group_by: str, source_of: Mapping[str, str]) -> NamingRule:
    table = images.assign(source=images["path"].map(source_of)).sort_values("path")
    table = table[table["source"] != ""]
    apart = table[table.groupby("source")["group"].transform("nunique") > 1]
    pairs = [_two_names(members) for _, members in apart.groupby("source")]
    examples = sorted(pairs, key=lambda names: (len("".join(names)), names))[:_EXAMPLES]
    shown = tuple((_short(first), _short(second)) for first, second in examples)
    return NamingRule(group_by, len(apart), shown)


def _two_names(members: pd.DataFrame) -> tuple[str, str]:
    """The file names of the first image and of the first one in another group."""
    others = members[members["group"] != members["group"].iloc[0]]
    first, second = (table["path"].iloc[0].rsplit("/", 1)[-1] for table in (members, others))
    return first, second


def _short(name: str) -> str:
    """Shorten a long name to its beginning and end."""
    half = _MAX_LENGTH // 2
    return name if len(name) <= _MAX_LENGTH else f"{name[:half]}...{name[-half:]}"
