"""Work for threads: what waits for a disk, a network or a process of its own."""

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

    The threads are daemons: one that waits for a Ray that has died would keep the process alive.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    stop = threading.Event()

    def work_off() -> None:
        with suppress(Empty):
            while not stop.is_set():
                item = waiting.get_nowait()
                try:
                    work(item)
                except BaseException as error:  # raised where the caller waits
                    ended.put(error)
                else:
                    ended.put(None)

    for item in items:
        waiting.put(item)
    for _ in range(min(at_once, len(items))):
        threading.Thread(target=work_off, daemon=True).start()
    try:
        for _ in items:
            if error := ended.get():
                raise error
    finally:
        stop.set()


def results_of(work: Callable[[Item], Result], items: Sequence[Item], at_once: int) -> list[Result]:
    """`work(item)` of every item, in their order, by `in_parallel`."""
    results: dict[int, Result] = {}

    def keep(number: int) -> None:
        results[number] = work(items[number])

    in_parallel(keep, range(len(items)), at_once)
    return [results[number] for number in range(len(items))]
