"""Work that is not a trial: Ray tasks, tried again where they died, and threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import ray

from sweeper.engine.failures import Attempts, Cause, cause_of, readable
from sweeper.errors import StoreError
from sweeper.runner import Resources


def in_parallel(work: Callable[[str], None], items: Sequence[str], at_once: int) -> None:
    """Run `work(item)` in threads, `at_once` at a time. The first error, or Ctrl-C, ends it.

    The threads are daemons: one that waits for a Ray that has died would keep the process alive.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
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
    for _ in range(at_once):
        threading.Thread(target=work_off, daemon=True).start()
    try:
        for _ in items:
            if error := ended.get():
                raise error
    finally:
        stop.set()


def run_tasks(
    work: Callable[[Any], None],
    items: Iterable[Any],
    resources: Resources,
    on_end: Callable[[Any, str], None],
) -> None:
    """Run `work(item)` for every item, which has a `key`, as Ray tasks; `on_end` gets the item and
    its error, or ""."""

    def task(item: Any) -> None:
        work(item)

    # Ray's own retries would not tell a lost machine from a crash.
    remote = ray.remote(max_retries=0)(task).options(**resources.of_task())
    attempts = Attempts(resources.retries)
    running = {remote.remote(item): item for item in items}
    while running:
        ready, _ = ray.wait(list(running), num_returns=1)
        item = running.pop(ready[0])
        error = _error_of(ready[0])
        if error and attempts.again(item.key, error):
            running[remote.remote(item)] = item
        else:
            raised = cause_of(error) is Cause.RAISED  # then there is nothing to add to it
            told = readable(error) if raised else attempts.told(item.key, error)
            on_end(item, told if error else "")


def _error_of(result: ray.ObjectRef[Any]) -> str:
    """What a task ended with: its error's kind and text, or "" where it ended well."""
    try:
        ray.get(result)
    except StoreError as error:  # every other task would be refused as well
        raise StoreError(str(getattr(error, "cause", error))) from None
    except ray.exceptions.RayError as error:
        return f"{type(error).__name__}: {error}"
    return ""
