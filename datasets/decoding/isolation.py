"""Decode files in a worker process, so that a decoder that crashes or hangs costs one file only.

Decoders are native code, and a damaged file can hang one (CharLS took 4 s for 480 pixels), crash it
or exhaust memory. A process costs 0.3 s once and nothing per file.

    python -m datasets.decoding.isolation   the worker

It reads one request per line, as JSON, here a path, and answers with a JSON line (the fields of the
description and the sizes of the small pictures in bytes), followed by the bytes of the pictures.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from datasets.decoding.describe import Described, Description, describe
from datasets.decoding.small_pictures import SmallPictures

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "datasets.decoding.isolation")
MAX_SECONDS = 120.0  # for one file; the largest image allowed takes 12
MAX_ADDRESS_BYTES = 6 * 2**30  # of one worker; the largest image allowed takes 2.1 GB
_READY = b"ready\n"


Answer = tuple[list[Any], list[bytes]]
"""Plain values, and arrays as bytes."""


class Worker:
    """A worker process that answers requests, started on first use and restarted after it has died.

    Not thread-safe. A context manager: leaving it ends the process.

    Args:
        command: command line of the worker, which calls `serve`.
        seconds: time limit for one file.
    """

    def __init__(self, command: Sequence[str], seconds: float) -> None:
        self._command, self._seconds = command, seconds
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def ask(self, request: Any) -> Answer | str:
        """The worker's answer to a request, a JSON value, about one file; or why there is none.

        A file may crash the worker twice, because a process may die for another reason, such as a
        machine short of memory.
        """
        for _ in range(2):
            answer, timed_out = self._ask(request)
            if answer:
                return answer
            self._stop()
            if timed_out:
                return f"cannot be decoded within {self._seconds:g} seconds"
        return "crashes its decoder"

    def _ask(self, request: Any) -> tuple[Answer | None, bool]:
        """The worker's answer, None if the worker died, and whether it timed out."""
        worker, timed_out = self._running_worker(), threading.Event()

        def on_timeout() -> None:
            timed_out.set()
            worker.kill()

        timer = threading.Timer(self._seconds, on_timeout)
        timer.start()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            return _read_answer(worker.stdout), timed_out.is_set()
        except BrokenPipeError:
            return None, timed_out.is_set()
        finally:
            timer.cancel()

    def _running_worker(self) -> "subprocess.Popen[bytes]":
        if self._worker is None:
            self._worker = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each thread takes address space
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert self._worker.stdout is not None
            if self._worker.stdout.readline() != _READY:
                raise RuntimeError(f"{' '.join(self._command)} does not start")
        return self._worker

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            with suppress(BrokenPipeError), worker:  # waits, and closes the pipes
                pass


class Reader(Worker):
    """Describes files in a worker process."""

    def __init__(self, command: Sequence[str] = WORKER, seconds: float = MAX_SECONDS) -> None:
        super().__init__(command, seconds)

    def describe(self, path: str) -> Described:
        """As `describe.describe`; a timeout or two crashes become the description's `problem`."""
        answer = self.ask(os.path.abspath(path))
        if isinstance(answer, str):
            return Described(Description(problem=answer))
        fields, pictures = answer
        return Described(Description(*fields), SmallPictures(*pictures) if pictures else None)


def serve(answer: Callable[[Any], Answer]) -> None:
    """Answer the requests on standard input. The output of native decoders is discarded, to keep it
    out of the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    _limit_memory()
    answers.write(_READY)
    answers.flush()
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    for line in sys.stdin.buffer:
        fields, blobs = answer(json.loads(line))
        head = json.dumps([fields, [len(one) for one in blobs]]).encode()
        answers.write(b"".join([head, b"\n", *blobs]))
        answers.flush()


def describe_file(path: str) -> Answer:
    """The fields of a description, and the small pictures."""
    described = describe(path)
    return list(described.description), list(described.pictures or ())


def _read_answer(stream: IO[bytes]) -> Answer | None:
    """None where the answer is cut short."""
    head = stream.readline()
    if not head.endswith(b"\n"):
        return None
    fields, sizes = json.loads(head)
    blobs = [stream.read(size) for size in sizes]
    return (fields, blobs) if [len(blob) for blob in blobs] == sizes else None


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        soft = MAX_ADDRESS_BYTES if hard < 0 else min(MAX_ADDRESS_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    serve(describe_file)
