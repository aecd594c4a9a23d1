"""Splits by the name of their policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from datasets import splits
from datasets.splitting.policies import DRAWN


def split_rows(
    manifest: pd.DataFrame, classes: Sequence[str], policy: str, **more: Any
) -> pd.DataFrame:
    return splits.split_rows(manifest, classes, DRAWN[policy], **more)


def fold_rows(
    manifest: pd.DataFrame, classes: Sequence[str], policy: str, **more: Any
) -> list[pd.DataFrame]:
    return splits.fold_rows(manifest, classes, DRAWN[policy], **more)
