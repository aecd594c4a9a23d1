"""Tasks that die, raise or end well, on a real Ray."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import ray

from sweeper.ray.session import Resources
from sweeper.ray.tasks import run_tasks

RESOURCES = Resources(cpus=2, gpus=0, gpus_per_trial=0, workers_per_trial=1, retries=1)


@dataclass(frozen=True)
class Item:
    key: str
    log: Path


def work(item: Item) -> None:
    """Does what its key says, and adds a line to its log before."""
    with item.log.open("a") as stream:
        stream.write("tried\n")
    tried = len(item.log.read_text().splitlines())
    if item.key == "dies" or (item.key == "dies once" and tried == 1):
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    if item.key == "raises":
        raise LookupError("on purpose")
    if item.key == "memory":
        raise MemoryError


@pytest.mark.usefixtures("ray_session")
def test_tasks_are_tried_again_where_they_died_and_each_is_told_once(tmp_path: Path) -> None:
    keys = ["fine", "dies once", "dies", "raises", "memory"]
    items = [Item(key, tmp_path / key) for key in keys]
    ended: list[tuple[str, str]] = []
    run_tasks(work, items, RESOURCES, lambda item, error: ended.append((item.key, error)))
    errors = dict(ended)
    assert sorted(key for key, _ in ended) == sorted(keys)
    assert errors["fine"] == errors["dies once"] == ""
    assert errors["dies"].startswith("its process died or ran out of memory (2 times):\n")
    assert errors["memory"].startswith("its process died or ran out of memory (2 times):\n")
    assert "LookupError: on purpose" in errors["raises"]
    tries = {item.key: len(item.log.read_text().splitlines()) for item in items}
    assert tries == {"fine": 1, "dies once": 2, "dies": 2, "raises": 1, "memory": 2}


def note_name_and_resources(item: Item) -> None:
    context = ray.get_runtime_context()
    item.log.write_text(f"{context.get_task_name()} {context.get_assigned_resources()['memory']}")


@pytest.mark.usefixtures("ray_session")
def test_a_task_has_a_name_that_says_what_it_does_and_its_memory_is_set_aside(
    tmp_path: Path,
) -> None:
    item, wanted = Item("one", tmp_path / "one"), replace(RESOURCES, memory_per_trial=2e8)
    errors: list[str] = []
    run_tasks(
        note_name_and_resources,
        [item],
        wanted,
        lambda item, error: errors.append(error),
        name_of=lambda item: f"evaluate: {item.key}",
    )
    assert errors == [""]
    assert item.log.read_text() == f"evaluate: one {2e8}"


def count_to_three(item: Item) -> Iterator[int]:
    """Yields three times; `raises` only once."""
    yield 1
    if item.key == "raises":
        raise LookupError("on purpose")
    yield from (2, 3)


@pytest.mark.usefixtures("ray_session")
def test_every_step_of_a_task_is_reported_before_its_end(tmp_path: Path) -> None:
    told: list[str] = []
    for key in ("fine", "raises"):
        run_tasks(
            count_to_three,
            [Item(key, tmp_path)],
            RESOURCES,
            lambda item, error: told.append(f"{item.key} {error[-40:]}"),
            lambda: told.append("step"),
        )
    assert told == ["step", "step", "step", "fine ", "step", told[-1]]
    assert told[-1].endswith("LookupError: on purpose")
