"""Names that tell of images which belong together and no group holds: what `data.group_by` misses.

A guess: names are given by people. The rule that it proposes is in force once the user writes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from datasets.filenames.schemes import patient_pattern
from datasets.filenames.sources import filename_sources
from datasets.groups import FILENAME, pattern_group

_EXAMPLES = 2  # of sources
_LONGEST = 60  # characters of a name


@dataclass(frozen=True)
class NamingRule:
    """`group_by` would hold together `images` that are in several groups now, as `examples`, the
    shortest pairs of file names, each of one source."""

    group_by: str
    images: int
    examples: tuple[tuple[str, str], ...]

    @property
    def setting(self) -> str:
        """What to write on the command line."""
        plain = re.fullmatch(r"\w+", self.group_by)
        value = f"data.group_by={self.group_by}"
        return f"--set {value}" if plain else f"--set '{value}'"


def propose_rule(images: pd.DataFrame, duplicates: pd.DataFrame) -> NamingRule | None:
    """The rule on file names that holds the most images together which are in several groups.

    Args:
        images: columns path, class, group; the usable ones.
        duplicates: `pairs.PAIR_COLUMNS`.

    Returns:
        None where no rule would, and where `data.group_by` has grouped images already: that is
        the user's word, which a guess does not overrule.
    """
    if ((duplicates["kind"] == "user") & (duplicates["transform"] == "group")).any():
        return None
    rules = [_weigh(images, FILENAME, filename_sources(images["path"]))]
    pattern = patient_pattern(zip(images["path"], images["class"], strict=True))
    if pattern is not None:
        search = pattern_group(re.compile(pattern))
        rules.append(_weigh(images, pattern, {path: search(path) for path in images["path"]}))
    best = max(rules, key=lambda rule: rule.images)
    return best if best.images else None


def _weigh(images: pd.DataFrame, group_by: str, source_of: Mapping[str, str]) -> NamingRule:
    table = images.assign(source=images["path"].map(source_of)).sort_values("path")
    table = table[table["source"] != ""]
    apart = table[table.groupby("source")["group"].transform("nunique") > 1]
    pairs = [_two_names(own) for _, own in apart.groupby("source")]
    examples = sorted(pairs, key=lambda names: (len("".join(names)), names))[:_EXAMPLES]
    shown = tuple((_short(one), _short(other)) for one, other in examples)
    return NamingRule(group_by, len(apart), shown)


def _two_names(own: pd.DataFrame) -> tuple[str, str]:
    """The first image's file name and that of the first one in another group."""
    other = own[own["group"] != own["group"].iloc[0]]
    one, other = (table["path"].iloc[0].rsplit("/", 1)[-1] for table in (own, other))
    return one, other


def _short(name: str) -> str:
    """Begin and end of a long name."""
    half = _LONGEST // 2
    return name if len(name) <= _LONGEST else f"{name[:half]}...{name[-half:]}"
