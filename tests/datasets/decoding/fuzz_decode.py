"""Damage valid files of every kind and decode them: an image or a `DataError`, and nothing else.

    python -m tests.datasets.decoding.fuzz_decode --count 3000 [--seed 0]

Files are decoded in a separate process, so that a crash or hang of a native decoder is counted like
any other outcome. The same seed gives the same files. Prints a summary and every file that
misbehaved; exit code 1 if there was one.
"""

import argparse
import io
import json
import resource
import select
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pydicom

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from tests.datasets.decoding.picture_files import every_file

ROOT = Path(__file__).parents[3]
HANG_S = 60.0
ADDRESS_SPACE_BYTES = 8 * 2**30  # beyond it, an allocation fails and shows as an error
HEADER_BYTES = 400
PIXEL_DATA = b"\xe0\x7f\x10\x00"  # the tag
NUMBERS = (0, 1, 2, 7, 15, 16, 17, 127, 128, 255, 256, 8000, 32767, 32768, 65535, 2**24, 2**31 - 1)
SMALL = tuple(number for number in NUMBERS if number < 2**15)
ELEMENTS = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "NumberOfFrames", "PixelPaddingValue"),
)
Damage = Callable[[bytearray, Random, list[bytes]], None]


def _place(data: bytearray, random: Random) -> int:
    """A position anywhere, in the header or, in a DICOM file, at the start of its pixels."""
    start, end = 0, len(data)
    part = random.randrange(4)
    if part == 1:
        end = min(end, HEADER_BYTES)
    elif part > 1:
        start = max(0, data.rfind(PIXEL_DATA))
        end = min(end, start + HEADER_BYTES)
    return random.randrange(start, end) if start < end else start


def flip_bits(data: bytearray, random: Random, others: list[bytes]) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        data[_place(data, random)] ^= 1 << random.randrange(8)


def cut_short(data: bytearray, random: Random, others: list[bytes]) -> None:
    del data[random.randrange(len(data)) :]


def cut_out(data: bytearray, random: Random, others: list[bytes]) -> None:
    start = _place(data, random)
    del data[start : start + random.randrange(1, 64)]


def splice(data: bytearray, random: Random, others: list[bytes]) -> None:
    """Overwrite or insert a piece of another file."""
    other = random.choice(others)
    start, length = random.randrange(len(other)), random.randrange(1, 200)
    at = _place(data, random)
    data[at : at + random.choice((0, length))] = other[start : start + length]


def repeat(data: bytearray, random: Random, others: list[bytes]) -> None:
    at, length = _place(data, random), random.randrange(1, 100)
    data[at:at] = data[at : at + length] * random.randrange(1, 30)


def set_numbers(data: bytearray, random: Random, others: list[bytes]) -> None:
    """Overwrite a size, count or length in the header with a boundary value of 1, 2 or 4 bytes."""
    for _ in range(random.choice((1, 1, 2, 4))):
        at, width = _place(data, random), random.choice((1, 2, 4))
        number = random.choice(NUMBERS) % 256**width
        data[at : at + width] = number.to_bytes(width, random.choice(("little", "big")))


DAMAGES: tuple[Damage, ...] = (flip_bits, cut_short, cut_out, splice, repeat, set_numbers)


def damaged(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """`data` with one to three kinds of damage; half the PNGs get correct checksums again."""
    if data[128:132] == b"DICM" and random.random() < 0.3:
        data = _other_elements(data, random)
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if changed:
            random.choice(DAMAGES)(changed, random, others)
    if changed.startswith(b"\x89PNG") and random.random() < 0.5:
        _mend_checksums(changed)
    return bytes(changed)


def _other_elements(data: bytes, random: Random) -> bytes:
    """A well-formed DICOM file whose header contradicts its pixels."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    for keyword in random.sample(ELEMENTS, random.choice((1, 1, 2, 3))):
        dataset.add_new(
            keyword, "IS" if keyword == "NumberOfFrames" else "US", random.choice(SMALL)
        )
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _mend_checksums(data: bytearray) -> None:
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        data[at + 8 + length : at + 12 + length] = zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length


def damaged_file(number: int, seed: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """The original file's name and the damaged bytes for one number of a run."""
    random = Random(f"{seed}/{number}")
    name = sorted(files)[number % len(files)]
    return name, damaged(files[name], random, list(files.values()))


@dataclass
class Report:
    """The result of a run: outcomes by kind of file, and the numbers that misbehaved."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    peak_bytes: int = 0

    def add(self, line: dict[str, Any]) -> None:
        self.outcomes.setdefault(line["name"], Counter())[line["outcome"]] += 1
        self.peak_bytes = max(self.peak_bytes, line["peak_bytes"])
        if line["seconds"] > self.slowest_s:
            self.slowest_s, self.slowest = line["seconds"], f"{line['name']} {line['number']}"
        if line["outcome"] not in ("image", "refused"):
            self.wrong.append(f"{line['name']} {line['number']}: {line['outcome']} {line['why']}")


def fuzz(count: int, seed: int) -> Report:
    """Decode files 0..count-1 of a seed in worker processes; a dead worker is replaced."""
    report, names, number = Report(), sorted(every_file()), 0
    while number < count:
        for line in _worker_lines(number, count, seed):
            report.add({"name": names[number % len(names)], "number": number, "why": "", **line})
            number += 1
    return report


def _worker_lines(start: int, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield one line per file; the last reports a crash or a hang if there was one."""
    command = [sys.executable, "-m", "tests.datasets.decoding.fuzz_decode", "--worker"]
    command += [f"--start={start}", f"--count={count}", f"--seed={seed}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as worker:
        assert worker.stdout is not None
        done = start
        while done < count:
            ready, _, _ = select.select([worker.stdout], [], [], HANG_S)
            text = worker.stdout.readline() if ready else b""
            if not text:
                yield _end(worker, hangs=not ready)
                return
            done += 1
            yield json.loads(text)


def _end(worker: subprocess.Popen[bytes], hangs: bool) -> dict[str, Any]:
    """The outcome of the file at which a worker died or is killed."""
    if hangs:
        worker.kill()
        return {"outcome": "hang", "seconds": HANG_S, "peak_bytes": 0}
    code = worker.wait()
    if code >= 0:
        raise RuntimeError(f"the worker itself failed with exit code {code}; run it by hand")
    return {"outcome": f"crash {signal.Signals(-code).name}", "seconds": 0, "peak_bytes": 0}


def work(start: int, count: int, seed: int) -> None:
    """Run the worker: one JSON line per file on standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    files = every_file()
    for number in range(start, count):
        name, data = damaged_file(number, seed, files)
        began = time.perf_counter()
        outcome, why = _outcome(data)
        line = {
            "name": name,
            "outcome": outcome,
            "why": why,
            "seconds": time.perf_counter() - began,
            "peak_bytes": _peak_bytes(),
        }
        print(json.dumps(line), flush=True)


def _peak_bytes() -> int:
    """The peak of this process; getrusage would report that of its parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _outcome(data: bytes) -> tuple[str, str]:
    try:
        pixels = decode_image(data)
    except DataError as error:
        return ("refused", str(error)) if "\n" not in str(error) else ("two lines", str(error))
    except BaseException as error:  # anything: unexpected errors are what this searches for
        return type(error).__name__, str(error)[:200]
    return "image" if pixels.ndim == 3 and pixels.shape[2] == 3 else f"shape {pixels.shape}", ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args()
    if options.worker:
        work(options.start, options.count, options.seed)
        return 0
    report = fuzz(options.count, options.seed)
    for name, outcomes in sorted(report.outcomes.items()):
        print(f"{name:24}", ", ".join(f"{what} {n}" for what, n in sorted(outcomes.items())))
    total = sum(report.outcomes.values(), Counter())
    print(f"{total.total()} files:", ", ".join(f"{what} {n}" for what, n in sorted(total.items())))
    print(f"slowest: {report.slowest}, {report.slowest_s:.2f} s")
    print(f"peak memory: {report.peak_bytes / 2**20:.0f} MiB")
    print(*report.wrong, sep="\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
