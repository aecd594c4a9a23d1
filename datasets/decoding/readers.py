"""Many files described at once, each in a process of its own."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue

from datasets.decoding.describe import Described
from datasets.decoding.isolation import Reader

WORKERS = min(8, os.cpu_count() or 1)
_FILES_PER_WORKER = 32  # at least: a process costs as much as some 50 small files


def describe_files(
    root: str, paths: Sequence[str], workers: int = WORKERS
) -> Iterator[tuple[str, Described]]:
    """Read and decode files below `root` once; yields each path with what it is, in order.

    Args:
        root: the folder that `paths` are relative to.
        paths: any files; what cannot be read is described by its `problem`.
        workers: processes that read and decode, at most.
    """
    if not paths:
        return
    workers = max(1, min(workers, len(paths) // _FILES_PER_WORKER))
    with ExitStack() as stack:
        readers: SimpleQueue[Reader] = SimpleQueue()
        for _ in range(workers):
            readers.put(stack.enter_context(Reader()))

        def describe(path: str) -> Described:
            reader = readers.get()  # the next one that has nothing to do
            try:
                return reader.describe(os.path.join(root, path))
            finally:
                readers.put(reader)

        pool = stack.enter_context(ThreadPoolExecutor(max_workers=workers))
        yield from zip(paths, pool.map(describe, paths), strict=True)
