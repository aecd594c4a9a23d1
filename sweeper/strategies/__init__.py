"""Strategies: how a cell's network is trained. This is the one list; an entry is one file.

Importing this package loads neither torch nor Ray; code that needs them imports them when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sweeper.strategies.base import Strategy
from sweeper.strategies.finetune import Finetune
from sweeper.strategies.knn import NearestNeighbours
from sweeper.strategies.linear import Linear
from sweeper.strategies.transfer import Transfer

STRATEGIES: Mapping[str, Strategy] = {
    one.name: one for one in (NearestNeighbours(), Linear(), Transfer(), Finetune())
}
"""In the order in which they run: one that starts from another's champion comes after it."""
