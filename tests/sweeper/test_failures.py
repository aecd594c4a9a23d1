"""Ray's own words for what happened, and what is tried again."""

import pytest

from sweeper.failures import Attempts, Cause, cause_of, readable

NODE = "ActorDiedError: The actor died because its node has died. Node Id: 0a1b"
UNREACHED = "The actor 1fc04ca6 is unavailable: The actor is temporarily unavailable: RpcError"
CRASH = "The actor died unexpectedly before finishing this task.\n\tclass_name: ImplicitFunc"
MEMORY = "Task was killed due to the node running low on memory."
RAISED = "Traceback (most recent call last):\nKeyError: 'image'"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (NODE, Cause.PREEMPTED),
        ("NodeDiedError: Task failed because the node it was running on is dead", Cause.PREEMPTED),
        (UNREACHED, Cause.PREEMPTED),
        ("", Cause.PREEMPTED),
        ("Failure # 1 (occurred at 2026-01-01_10-00-00)\nNone\n", Cause.PREEMPTED),
        ("TypeError: None is no image", Cause.RAISED),
        (CRASH, Cause.CRASHED),
        (MEMORY, Cause.CRASHED),
        ("WorkerCrashedError: The worker died unexpectedly", Cause.CRASHED),
        ("Traceback ...\nnumpy.core._exceptions._ArrayMemoryError: Unable", Cause.CRASHED),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", Cause.CRASHED),
        ("DefaultCPUAllocator: can't allocate memory: you tried", Cause.CRASHED),
        (RAISED, Cause.RAISED),
        ("FloatingPointError: loss not finite in epoch 2", Cause.RAISED),
    ],
)
def test_the_cause_is_told_by_the_error_s_text(text: str, cause: Cause) -> None:
    assert cause_of(text) is cause


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_crash_is_tried_again_so_often_and_no_more(retries: int) -> None:
    attempts = Attempts(retries)
    assert [attempts.again("a", CRASH) for _ in range(5)] == [n < retries for n in range(5)]
    assert attempts.again("b", CRASH) == (retries > 0)


def test_a_lost_machine_does_not_count() -> None:
    attempts = Attempts(1)
    assert all(attempts.again("a", NODE) for _ in range(10))
    assert attempts.again("a", CRASH)
    assert not attempts.again("a", CRASH)


def test_machines_are_not_lost_for_ever() -> None:
    attempts = Attempts(1)
    assert not all(attempts.again("a", NODE) for _ in range(30))


def test_what_it_raises_itself_is_not_tried_again() -> None:
    assert not Attempts(5).again("a", RAISED)


def test_the_record_says_what_happened_and_how_often() -> None:
    attempts = Attempts(1)
    attempts.again("a", CRASH)
    attempts.again("a", CRASH)
    told = attempts.told("a", f"Failure # 1 (occurred at 2026-01-01_10-00-00)\n\x1b[36m{CRASH}")
    assert told == f"its process died or ran out of memory (2 times):\n{CRASH}"


def test_an_error_reads_without_colours_and_counting() -> None:
    assert readable("Failure # 2 (occurred at now)\n\x1b[36mray::f()\x1b[39m (pid=1)\n") == (
        "ray::f() (pid=1)"
    )
