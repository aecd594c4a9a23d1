"""The split policies of a run, as `run.json` describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class SplitPolicy:
    """A split policy as the page describes it; see `datasets.splitting.policies`."""

    name: str
    meaning: str = ""  # what it does, in one line
    leak: str = ""  # why it scores higher than the policy it is compared with
    caveat: str = ""  # a sentence that readers of its accuracy need
    leakier_than: tuple[str, ...] = ()
    tests_copies: bool = False  # whether test rows are copies of images that training may see
    mark: str = "dot"

    @property
    def compared_cells(self) -> str:
        """The cells over which its leak is measured: where it tests copies, augmented ones, as
        without copies there is nothing that could leak."""
        return "augmented cells" if self.tests_copies else "cells"


DESCRIBED: tuple[str, ...] = tuple(field.name for field in fields(SplitPolicy))
"""The keys of each policy in `run.json`."""


def split_policies(info: Mapping[str, Any]) -> dict[str, SplitPolicy]:
    """The policies of a run by name, the most trustworthy first."""
    found = [SplitPolicy(**_known(about)) for about in info.get("split_policies", [])]
    return {policy.name: policy for policy in found}


def trust_order(policies: Sequence[str], names: set[str]) -> list[str]:
    """`names` in the order of `policies`; unknown ones behind them by name."""
    return [name for name in policies if name in names] + sorted(names - set(policies))


def _known(about: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: about[name] for name in DESCRIBED if name in about}
    return known | {"leakier_than": tuple(known.get("leakier_than", ()))}
