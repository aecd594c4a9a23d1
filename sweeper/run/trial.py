"""One trial: running it in a worker, and its record in the store.

Everything a trial needs comes from the store by key, so it runs in any process on any machine. Its
artifact holds `record.json`, `predictions.parquet` (of the validation rows: only champions see the
test set) and `weights.safetensors` (the trained part only).
"""

from __future__ import annotations
