"""Who computes what next: the order of an extraction, played with workers that take their time."""

import heapq

import pytest

from trainables.extraction_order import Order, Unit, Work

PAPER = [Work(159, cost) for cost in (15.5, 5.7, 4.1, 1.9, 0.6)]  # 10,161 rows; GMACs of an image


def play(works: list[Work], workers: int, load: float = 0.0) -> tuple[float, int]:
    """The time until everything is computed, and how many networks were loaded."""
    order, ends, loads = Order(works), [(0.0, worker) for worker in range(workers)], 0
    at: dict[int, int] = {}
    last, done = 0.0, []
    while ends:
        now, worker = heapq.heappop(ends)
        unit = order.take(worker)
        if unit is None:
            last = max(last, now)
            continue
        takes = works[unit.of_pass].cost
        if at.get(worker) != unit.of_pass:
            at[worker], loads, takes = unit.of_pass, loads + 1, takes + load
        done.append(unit)
        heapq.heappush(ends, (now + takes, worker))
    assert sorted(done) == [Unit(n, i) for n, one in enumerate(works) for i in range(one.units)]
    return last, loads


@pytest.mark.parametrize("workers", [1, 2, 3, 8, 64])
def test_no_worker_is_idle_while_rows_are_left(workers: int) -> None:
    """At the end, each has at most one unit of the longest pass before it."""
    ideal = sum(one.units * one.cost for one in PAPER) / workers
    assert play(PAPER, workers)[0] <= ideal + max(one.cost for one in PAPER)


def test_two_workers_load_each_network_once_but_the_one_that_they_share() -> None:
    assert play(PAPER, 2)[1] == len(PAPER) + 1


def test_the_longest_pass_begins_first_and_others_join_it() -> None:
    order = Order([Work(2, 1.0), Work(9, 5.0), Work(4, 2.0)])
    taken = [order.take(worker) for worker in range(5)]
    assert [unit.of_pass for unit in taken if unit] == [1, 2, 0, 1, 1]


def test_a_unit_that_is_put_back_comes_next() -> None:
    order = Order([Work(3, 1.0)])
    lost = order.take("a")
    assert lost is not None
    order.forget("a")
    order.put_back(lost)
    assert order.take("b") == lost
    assert order.waiting == 2


def test_a_pass_that_is_dropped_is_not_handed_out() -> None:
    order = Order([Work(3, 9.0), Work(1, 1.0)])
    first = order.take("a")
    assert first is not None
    order.drop(first.of_pass)
    assert [order.take("a"), order.take("a")] == [Unit(1, 0), None]
