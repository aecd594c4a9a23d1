"""Find prefix tables larger than memory, which fine-tuning reads from the disk in every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from sweeper.estimate.cost import Estimate
from sweeper.estimate.span import Span
from sweeper.estimate.table import bytes_text, seconds_text
from sweeper.ray.reachable import cluster_address


def warnings(estimate: Estimate) -> Iterator[str]:
    """A line for each such table, with what computing it in every epoch would take instead. The
    memory of a cluster's machines is not known here."""
    if cluster_address() is not None:
        return
    memory = psutil.virtual_memory().total
    for name in estimate.plan.backbones:
        table_bytes, epoch_s = estimate.prefix_of_epoch(name)
        if table_bytes > memory:
            yield (
                f"{name}: fine-tuning reads a prefix table of {_text(table_bytes)} in every epoch, "
                f"more than this machine's {_text(memory)} of memory; cache.prefix=compute "
                f"computes it from pixels instead, in {seconds_text(epoch_s)}"
            )


def _text(size: float) -> str:
    return bytes_text(Span.exactly(size))
