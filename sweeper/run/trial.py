"""One trial: running it in a worker, and its record in the store.

Everything a trial needs comes from the store by key, so it runs in any process on any machine. Its
artifact holds `record.json`, `predictions.parquet` (of the validation rows: only champions see the
test set) and `weights.safetensors` (the trained part only).
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor, nn

from datasets.shards import image_size_of
from sweeper.errors import StoreError
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.criteria import criterion_of
