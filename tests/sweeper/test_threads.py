"""Threads: concurrency, results and termination."""

import threading
import time

import pytest

from sweeper.threads import in_parallel, results_of


def test_every_item_is_processed_and_concurrency_is_limited() -> None:
    running, most, seen = [0], [0], []
    lock = threading.Lock()

    def count(item: str) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
            seen.append(item)

    in_parallel(count, list("abcdefgh"), 3)
    assert sorted(seen) == list("abcdefgh")
    assert most[0] == 3


def test_the_first_error_is_raised_and_no_new_item_started() -> None:
    begun = []

    def fail(item: str) -> None:
        begun.append(item)
        if item == "a":
            raise LookupError(item)
        time.sleep(0.1)

    with pytest.raises(LookupError, match="a"):
        in_parallel(fail, list("abcdefgh"), 2)
    time.sleep(0.3)
    assert len(begun) <= 3


def test_results_are_in_the_order_of_their_items() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 * (4 - number))
        return number * number

    assert results_of(slow_at_first, [1, 2, 3], 3) == [1, 4, 9]
    assert results_of(slow_at_first, [], 3) == []
