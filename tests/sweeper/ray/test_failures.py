"""Ray's own words for what happened, and what is tried again."""

import pytest
from ray import exceptions

from sweeper.ray.failures import Attempts, Cause, cause_of, readable

# As Ray 2.60 gave them, where `kill -9` or its memory monitor ended a process or a whole raylet.
NODE = """The actor died unexpectedly before finishing this task.
\tclass_name: ImplicitFunc
\tactor_id: 3283861794298ebb47b119c401000000
\tpid: 14027
\tnamespace: 964fbf1f-30c2-4265-bb58-e0949b9d0175
\tip: 192.0.2.2
The actor died because its node has died. Node Id: 70ca761a2e97
\tthe actor's node was terminated unexpectedly: health check failed due to missing too many \
heartbeats
"""
NODE_OF_TASK = (
    "NodeDiedError: Task failed because the node it was running on is dead or unavailable. Node "
    "IP: 192.0.2.2, node ID: 77c4. This can happen if the node was preempted, had a hardware "
    "failure, or its raylet crashed unexpectedly. To see node death information, use ..."
)
UNREACHABLE = (
    "The actor cf42064262c7361e141e151f01000000 is unavailable: The actor is temporarily "
    "unavailable: RpcError: RPC error: Socket closed rpc_code: 14. The task may or may not have "
    "been executed on the actor."
)
CRASH = "The actor died unexpectedly before finishing this task.\n\tclass_name: ImplicitFunc"
MEMORY = """1 worker(s) were killed due to the node running low on memory. Memory on the node (IP...
OOM kill reason: Memory usage 17433387008B exceeded threshold of 1263825536B (5.0% of 25276510208B)
Top 10 memory users: PID\tMEM(GB)\tCOMMAND
19603\t0.67\tsomebody-else --password secret
18291\t0.56\tray::ImplicitFunc.train
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io/"""
WORKER = """A worker health check failed.
Worker info: Worker(
  actor=Actor(RayTrainWorker, 3613ac0c2040cf10313919c601000000),
)
The actor died unexpectedly before finishing this task.
\tclass_name: RayTrainWorker
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit \
detail: Worker unexpectedly exits with a connection error code 2. End of file. Some common causes \
include: (1) the process was killed by the OOM killer due to high memory usage, (2) ray stop \
--force was called, or (3) the worker crashed unexpectedly due to SIGSEGV or another unexpected \
error. If the process was killed by the kernel OOM killer, consider enabling resource isolation \
via --enable-resource-isolation to prevent node deaths by resource contention"""
WAITED = """Training failed due to controller error:
The worker group startup timed out after 60.0 seconds waiting for 3 workers. Potential causes \
include: (1) temporary insufficient cluster resources while waiting for autoscaling (ignore this \
warning in this case), (2) infeasible resource request where the provided `ScalingConfig` cannot \
be satisfied), and (3) transient network issues."""
RAISED = "Traceback (most recent call last):\nKeyError: 'image'"
HEADER = "Failure # 1 (occurred at 2026-11-23_06-48-06)\n"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (NODE, Cause.PREEMPTED),
        (NODE_OF_TASK, Cause.PREEMPTED),
        (UNREACHABLE, Cause.PREEMPTED),
        (WAITED, Cause.PREEMPTED),
        (CRASH, Cause.CRASHED),
        (MEMORY, Cause.CRASHED),
        (WORKER, Cause.CRASHED),
        (
            "RuntimeError: [../gloo/transport/tcp/pair.cc:534] Connection closed by peer",
            Cause.CRASHED,
        ),
        ("WorkerCrashedError: The worker died unexpectedly", Cause.CRASHED),
        ("Traceback ...\nnumpy.core._exceptions._ArrayMemoryError: Unable", Cause.CRASHED),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", Cause.CRASHED),
        ("DefaultCPUAllocator: can't allocate memory: you tried", Cause.CRASHED),
        (RAISED, Cause.RAISED),
        ("TypeError: None is no image", Cause.RAISED),
        ("FloatingPointError: loss not finite in epoch 2", Cause.RAISED),
    ],
)
def test_the_cause_is_told_by_the_error_s_text(text: str, cause: Cause) -> None:
    assert cause_of(text) is cause
    assert cause_of(f"{HEADER}{text}\n") is cause


@pytest.mark.parametrize("text", ["", "None", "\n", HEADER, f"{HEADER}None\n"])
def test_what_went_without_a_word_was_lost_and_is_tried_again(text: str) -> None:
    assert cause_of(text) is Cause.PREEMPTED
    attempts = Attempts(1)
    assert all(attempts.again("a", text) for _ in range(20))
    assert not attempts.again("a", text)
    assert attempts.report("a", text).endswith("(21 times):\nRay gave no reason")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (exceptions.LocalRayletDiedError(), Cause.PREEMPTED),
        (exceptions.ActorUnavailableError("RpcError", None), Cause.PREEMPTED),
        (exceptions.ObjectLostError("ab", None, "here"), Cause.PREEMPTED),
        (exceptions.WorkerCrashedError(), Cause.CRASHED),
        (exceptions.ActorDiedError(), Cause.CRASHED),
        (exceptions.OwnerDiedError("ab", None, "here"), Cause.CRASHED),
        (exceptions.RaySystemError("the worker did not start"), Cause.CRASHED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_way_in_which_ray_tells_a_death_is_known(
    error: exceptions.RayError, cause: Cause
) -> None:
    """Tune tells the text alone, a task its kind too."""
    assert cause_of(str(error)) is cause_of(f"{type(error).__name__}: {error}") is cause


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
    told = attempts.report("a", f"Failure # 1 (occurred at 2026-01-01_10-00-00)\n\x1b[36m{CRASH}")
    assert told == f"its process died or ran out of memory (2 times):\n{CRASH}"


def test_an_error_reads_without_colours_and_counting() -> None:
    assert readable("Failure # 2 (occurred at now)\n\x1b[36mray::f()\x1b[39m (pid=1)\n") == (
        "ray::f() (pid=1)"
    )


def test_an_error_does_not_tell_of_other_processes_of_the_machine() -> None:
    told = readable(MEMORY)
    assert "secret" not in told
    assert "running low on memory" in told
    assert told.endswith("https://docs.ray.io/")
