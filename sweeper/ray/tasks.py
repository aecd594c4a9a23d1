"""Run work other than trials as Ray tasks, and retry tasks that die."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import ray

from sweeper.errors import StoreError
from sweeper.ray.failures import Attempts, Cause, cause_of, readable
from sweeper.ray.session import Resources


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

    # Ray's own retries do not distinguish a lost machine from a crash.
    remote = ray.remote(max_retries=0)(task).options(**resources.of_task())
    attempts = Attempts(resources.retries)
    running = {remote.remote(item): item for item in items}
    while running:
        ready, _ = ray.wait(list(running), num_returns=1)
        item = running.pop(ready[0])
        error = _error_of(ready[0])
        if error and attempts.again(item.key, error):
            running[remote.remote(item)] = item
        elif error and cause_of(error) is not Cause.RAISED:
            on_end(item, attempts.report(item.key, error))
        else:  # it succeeded, or raised an error that says enough
            on_end(item, error and readable(error))


def _error_of(result: ray.ObjectRef[Any]) -> str:
    """The kind and text of a task's error, or "" if it succeeded."""
    try:
        ray.get(result)
    except StoreError as error:  # every other task would be refused as well
        raise StoreError(str(getattr(error, "cause", error))) from None
    except ray.exceptions.RayError as error:
        return f"{type(error).__name__}: {error}"
    return ""
