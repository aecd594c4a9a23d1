"""Files read in processes of their own: a decoder that crashes or never ends costs a file, no run.

Decoders are native code, and a damaged file can keep one busy for ever (CharLS took 4 s for 480
pixels), crash it or make it take all memory. A process costs 0.3 s once and nothing a file.

    python -m datasets.decoding.isolation   the worker

It takes a path a line, as JSON, and answers with a JSON line, the fields of the description and the
sizes of the small pictures in bytes, and then the bytes of the pictures.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from datasets.decoding.describe import Described, Description, describe
from datasets.decoding.small_pictures import SmallPictures

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "datasets.decoding.isolation")
MAX_SECONDS = 120.0  # for one file; the largest picture allowed takes 12
MAX_ADDRESS_BYTES = 6 * 2**30  # of one worker; the largest picture allowed takes 2.1 GB
_READY = b"ready\n"


class Reader:
    """A worker process, which is started when it is needed, and again when it has died.

    Not for several threads at once. To be used in a `with` statement, which ends the process.

    Args:
        command: the worker.
        seconds: how long it may take for one file.
    """

    def __init__(self, command: Sequence[str] = WORKER, seconds: float = MAX_SECONDS) -> None:
        self._command, self._seconds = command, seconds
        self._worker: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def describe(self, path: str) -> Described:
        """As `describe.describe`; two crashes or too long a time are the description's `problem`.

        Two, for a process may die of something else, such as a machine short of memory.
        """
        for _ in range(2):
            answer, too_late = self._ask(path)
            if answer:
                return answer
            self._end()
            if too_late:
                problem = f"cannot be decoded within {self._seconds:g} seconds"
                return Described(Description(problem=problem))
        return Described(Description(problem="crashes its decoder"))

    def _ask(self, path: str) -> tuple[Described | None, bool]:
        """The worker's answer, None where it died, and whether that was for its slowness."""
        worker, too_late = self._started(), threading.Event()

        def stop() -> None:
            too_late.set()
            worker.kill()

        timer = threading.Timer(self._seconds, stop)
        timer.start()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(os.path.abspath(path)).encode() + b"\n")
            worker.stdin.flush()
            return _read_answer(worker.stdout), too_late.is_set()
        except BrokenPipeError:
            return None, too_late.is_set()
        finally:
            timer.cancel()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._worker is None:
            self._worker = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # each takes address space
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            assert self._worker.stdout is not None
            if self._worker.stdout.readline() != _READY:
                raise RuntimeError(f"{' '.join(self._command)} does not start")
        return self._worker

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            with suppress(BrokenPipeError), worker:  # waits, and closes the pipes
                pass


def main() -> None:
    """The worker. What native decoders print goes nowhere, into the answers least of all."""
    answers = os.fdopen(os.dup(1), "wb")
    _limit_memory()
    answers.write(_READY)
    answers.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for line in sys.stdin.buffer:
        _write_answer(answers, describe(json.loads(line)))


def _write_answer(stream: IO[bytes], described: Described) -> None:
    pictures = described.pictures or ()
    head = [described.description, [len(picture) for picture in pictures]]
    stream.write(b"".join([json.dumps(head).encode(), b"\n", *pictures]))
    stream.flush()


def _read_answer(stream: IO[bytes]) -> Described | None:
    """None where the answer is cut short."""
    head = stream.readline()
    if not head.endswith(b"\n"):
        return None
    fields, sizes = json.loads(head)
    pictures = [stream.read(size) for size in sizes]
    if [len(picture) for picture in pictures] != sizes:
        return None
    return Described(Description(*fields), SmallPictures(*pictures) if pictures else None)


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        wanted = MAX_ADDRESS_BYTES if most < 0 else min(MAX_ADDRESS_BYTES, most)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


if __name__ == "__main__":
    main()
