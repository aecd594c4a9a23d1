"""Run work other than trials as Ray tasks, and retry tasks that die."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import ray

from sweeper.errors import StoreError
from sweeper.ray.failures import Attempts, Cause, cause_of, readable
from sweeper.ray.session import Resources


def run_tasks(
    work: Callable[[Any], Iterator[Any] | None],
    items: Iterable[Any],
    resources: Resources,
    on_end: Callable[[Any, str], None],
    on_step: Callable[[], None] = lambda: None,
    name_of: Callable[[Any], str] = lambda item: str(item.key),
) -> None:
    """Run `work(item)` for every item, which has a `key`, as Ray tasks; `on_end` gets the item and
    its error, or "". Where `work` is a generator, `on_step` is called for whatever it yields.
    `name_of`: the name of an item's task on Ray's dashboard."""

    def task(item: Any) -> Iterator[None]:
        for _ in work(item) or ():  # no `yield from`: Ray sends values into a generator
            yield

    # Ray's own retries do not distinguish a lost machine from a crash.
    remote = ray.remote(max_retries=0, num_returns="streaming")(task)

    def start(item: Any) -> ray.ObjectRefGenerator:
        return remote.options(name=name_of(item), **resources.of_task()).remote(item)

    attempts = Attempts(resources.retries)
    running = {start(item): item for item in items}
    while running:
        ready, _ = ray.wait(list(running), num_returns=1)
        is_over, error = _next_of(ready[0])
        if not is_over:
            on_step()
            continue
        item = running.pop(ready[0])
        if error and attempts.again(item.key, error):
            running[start(item)] = item
        elif error and cause_of(error) is not Cause.RAISED:
            on_end(item, attempts.report(item.key, error))
        else:  # it succeeded, or raised an error that says enough
            on_end(item, error and readable(error))


def _next_of(steps: ray.ObjectRefGenerator) -> tuple[bool, str]:
    """Whether a task is over, and the kind and text of its error, or ""."""
    try:
        ray.get(next(steps))
    except StopIteration:
        return True, ""
    except StoreError as error:  # every other task would be refused as well
        raise StoreError(str(getattr(error, "cause", error))) from None
    except ray.exceptions.RayError as error:
        return True, f"{type(error).__name__}: {error}"
    return False, ""
