"""Run work that waits for a disk, a network or another process in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(work: Callable[[Item], None], items: Sequence[Item], at_once: int) -> None:
    """Run `work(item)` in threads, `at_once` at a time. The first error, or Ctrl-C, ends it.

    The threads are daemons: one that waits for a dead Ray would otherwise keep the process alive.
    """
    pending: SimpleQueue[Item] = SimpleQueue()
    finished: SimpleQueue[BaseException | None] = SimpleQueue()
    stop = threading.Event()

    def process_items() -> None:
        with suppress(Empty):
            while not stop.is_set():
                item = pending.get_nowait()
                try:
                    work(item)
                except BaseException as error:  # re-raised in the caller's thread
                    finished.put(error)
                else:
                    finished.put(None)

    for item in items:
        pending.put(item)
    for _ in range(min(at_once, len(items))):
        threading.Thread(target=process_items, daemon=True).start()
    try:
        for _ in items:
            if error := finished.get():
                raise error
    finally:
        stop.set()


def results_of(work: Callable[[Item], Result], items: Sequence[Item], at_once: int) -> list[Result]:
    """Compute `work(item)` for every item with `in_parallel`; results in the order of items."""
    results: dict[int, Result] = {}

    def compute(number: int) -> None:
        results[number] = work(items[number])

    in_parallel(compute, range(len(items)), at_once)
    return [results[number] for number in range(len(items))]
