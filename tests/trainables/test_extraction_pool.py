"""The pool of an extraction on a machine with four GPUs by name: all of them work until the end."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COSTS = {"vgg16": 8.0, "resnet50": 3.0, "inceptionv3": 2.0, "mobilenet": 1.0}  # of a unit
ROWS = 11 * 512  # units of 512 rows on GPUs

# Its worker takes 20 ms for each unit of cost instead of computing, and one dies once.
_POOL = """
import json, os, sys, threading, time
from pathlib import Path
import pyarrow.fs as pafs
import ray
from trainables import extraction
from trainables.extraction import Pass, extract
from trainables.extractor import Extraction
from trainables.registry import BACKBONES
from trainables.stored_backbone import StoredBackbone

scratch, costs, rows = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
local = pafs.LocalFileSystem()

class Extractor:
    def __init__(self, filesystem):
        self.filesystem, self.at, self.computing = filesystem, None, threading.Lock()

    def prepare(self):
        self.gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        (scratch / f"up-{self.gpus[0]}").touch()
        while len(list(scratch.glob("up-*"))) < 4:  # some processes start later than others
            time.sleep(0.01)

    def run(self, number, backbone, extraction, rows):
        from datasets.file_sums import FileSum
        from datasets.shards import read_rows
        from trainables.extractor import _index
        loads = self.at != number
        self.at = number
        with (scratch / f"log-{self.gpus[0]}").open("a") as log:
            log.write(json.dumps([backbone.name, loads, rows[0].start, time.time()]) + "\\n")
        if backbone.name == "vgg16" and rows[0].start == 1024:
            try:
                (scratch / "dead").touch(exist_ok=False)
                os._exit(1)
            except FileExistsError:
                pass
        with self.computing:
            time.sleep(0.02 * costs[backbone.name])
        table = read_rows(rows, self.filesystem)
        ids, copies = table["image_id"].to_pylist(), table["copy"].to_pylist()
        return _index(ids, copies, f"part-{rows[0].start}.npy", {"pooled": FileSum(1, "")})

extraction.Extractor = Extractor
ray.init(address="local", num_cpus=4, num_gpus=4, include_dashboard=False, log_to_driver=False)
passes, folders, finished, seen = [], [], [], []
for name, cost in costs.items():
    folder = scratch / name
    folder.mkdir()
    folders.append(str(folder))
    stored = StoredBackbone(BACKBONES[name], (), str(folder), local)
    passes.append(Pass(str(scratch / "shards"), stored, rows, cost))
unwanted = list(costs).index("resnet50")
extract(
    passes,
    local,
    begin=lambda n: None if n == unwanted else Extraction(folders[n], None, "max", "float16"),
    finish=lambda n, sums, seconds: finished.append((list(costs)[n], seconds, time.time())),
    workers=4,
    gpus_per_worker=1.0,
    again=lambda unit, reason: seen.append(unit) or True,
    on_progress=lambda rows: None,
)
print(json.dumps({"finished": finished, "again": seen}))
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    scratch = tmp_path_factory.mktemp("pool")
    (scratch / "shards").mkdir()
    pixels = pa.array([bytes(3)] * ROWS, pa.binary(3))
    ids, copies = [f"{row:05d}" for row in range(ROWS)], pa.array(np.zeros(ROWS), pa.int32())
    table = pa.table({"image_id": ids, "copy": copies, "pixels": pixels})
    pq.write_table(table, scratch / "shards" / "a.parquet")
    arguments = [str(scratch), json.dumps(COSTS), str(ROWS)]
    done = subprocess.run(
        [sys.executable, "-c", _POOL, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    logs = {path.name: path.read_text().splitlines() for path in scratch.glob("log-*")}
    found["logs"] = {name: [json.loads(line) for line in lines] for name, lines in logs.items()}
    return found


def test_every_gpu_works_and_every_row_is_computed(played: dict[str, Any]) -> None:
    assert sorted(played["logs"]) == [f"log-{number}" for number in range(4)]
    done = {(name, start) for lines in played["logs"].values() for name, _, start, _ in lines}
    wanted = [name for name in COSTS if name != "resnet50"]
    assert done == {(name, start) for name in wanted for start in range(0, ROWS, 512)}


def test_a_pass_that_is_no_longer_wanted_is_left_out(played: dict[str, Any]) -> None:
    assert sorted(name for name, _, _ in played["finished"]) == [
        "inceptionv3",
        "mobilenet",
        "vgg16",
    ]


def test_a_pass_is_finished_while_others_go_on(played: dict[str, Any]) -> None:
    at = {name: when for name, _, when in played["finished"]}
    last = max(when for lines in played["logs"].values() for *_, when in lines)
    assert min(at.values()) < last


def test_a_workers_death_counts_for_one_of_the_units_that_it_had(played: dict[str, Any]) -> None:
    (unit,) = played["again"]
    assert re.fullmatch(r"\w+, rows \d+ to \d+", unit)


def test_the_seconds_of_passes_are_those_of_their_workers(played: dict[str, Any]) -> None:
    seconds = {name: took_s for name, took_s, _ in played["finished"]}
    assert min(seconds.values()) > 0
    assert sum(seconds.values()) > 0.98 * 0.02 * 11 * sum(COSTS[name] for name in seconds)
