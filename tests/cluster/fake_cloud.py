"""A site of fake machines: a laptop, a store behind moto's server, a head and workers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml

from datasets.drawn.synthetic import write_synthetic
from tests.cluster.machines import NETWORK, Machine, Machines
from tests.cluster.overlay import CLUSTER, filled_in, laid_over

ROOT = Path(__file__).parents[2]
BUCKET = "sweeper-test"
NODES = ("head", "w1", "w2")
NAMES = (*NODES, "laptop", "cloud")
CLOUD = f"{NETWORK}.{NAMES.index('cloud') + 1}"
ENVIRONMENT = {
    "AWS_ENDPOINT_URL": f"http://{CLOUD}:5000",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
}
_BUCKET = f"""
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="{BUCKET}")
s3.put_bucket_versioning(Bucket="{BUCKET}", VersioningConfiguration={{"Status": "Enabled"}})
"""
_COMMITS = f"""
import boto3, collections, json
pages = boto3.client("s3").get_paginator("list_object_versions")
keys = [one["Key"] for page in pages.paginate(Bucket="{BUCKET}", Prefix="sweeper/trials/")
        for one in page.get("Versions", ())]
print(json.dumps(collections.Counter(key for key in keys if key.endswith("/artifact.json"))))
"""


_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_NOISE = re.compile(
    r"━|champions/s|s/champion|\s(V*INFO|V*WARN) |^Shared connection|^Warning: Permanently"
    r"|^sen[dt] |^total size|^[\w. -]+/[\w./ -]*$|already satisfied"
)
_TOLD = 25  # lines


class Site:
    """The machines with a checkout and images on the laptop; use as a context manager."""

    def __init__(self, scratch: Path) -> None:
        self.machines = Machines(scratch, NAMES, ENVIRONMENT)

    def __enter__(self) -> Site:
        self.machines.__enter__()
        try:
            self._start_cloud()
            self._furnish_laptop()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.machines.__exit__()

    @property
    def laptop(self) -> Machine:
        return self.machines["laptop"]

    def _start_cloud(self) -> None:
        cloud = self.machines["cloud"]
        server = f"setsid {sys.prefix}/bin/moto_server -H 0.0.0.0 -p 5000"
        cloud.run(f"{server} > ~/moto.log 2>&1 < /dev/null &")
        (cloud.home / "bucket.py").write_text(_BUCKET)
        for _ in range(60):
            if not cloud.run(f"{sys.prefix}/bin/python bucket.py", check=False).returncode:
                return
            time.sleep(0.5)
        raise RuntimeError(f"moto's server does not answer; see {cloud.home / 'moto.log'}")

    def commits(self) -> dict[str, int]:
        """How often each trial's artifact.json was put in place: the bucket keeps versions."""
        cloud = self.machines["cloud"]
        (cloud.home / "commits.py").write_text(_COMMITS)
        told = cloud.run(f"{sys.prefix}/bin/python commits.py").stdout
        counted: dict[str, int] = json.loads(told)
        return counted

    def _furnish_laptop(self) -> None:
        files = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        for name in filter(None, files):
            target = self.laptop.home / "sweeper" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        write_synthetic(self.laptop.home / "images", images_per_class=12, seed=0)
        self.laptop.run("(umask 077; ray get-auth-token --generate) > /dev/null")

    def write_cluster(self, overlay: str, config: str = "smoke", **changes: Any) -> Path:
        """The laptop's cluster.yaml: the project's with what must differ here."""
        cluster = filled_in("~/images", BUCKET, config)
        cluster = laid_over(cluster, overlay, sys.prefix) | changes
        path = self.laptop.home / "sweeper" / "cluster.yaml"
        path.write_text(yaml.safe_dump(cluster, sort_keys=False))
        return path

    def show_differences(self) -> None:
        """What of the project's cluster.yaml the laptop's one has otherwise."""
        theirs = yaml.safe_dump(yaml.safe_load(CLUSTER.read_text()), sort_keys=False)
        ours = (self.laptop.home / "sweeper" / "cluster.yaml").read_text()
        lines = unified_diff(theirs.splitlines(), ours.splitlines(), "cluster.yaml", "here", n=0)
        print("\n".join(line.rstrip() for line in lines if not line.startswith("@@")))

    def type(self, line: str, timeout: float = 600) -> str:
        """Type a line into the laptop's shell, in the checkout; returns what it prints.

        Raises CalledProcessError where it fails; what it printed is on stderr then."""
        print(f"$ {line}", flush=True)
        started = time.monotonic()
        ended = self.laptop.run(f"cd sweeper; {line} 2>&1", check=False, timeout=timeout)
        with (self.machines.scratch / "transcript.log").open("a") as log:
            log.write(f"$ {line}\n{ended.stdout}\n")
        print(*_telling(ended.stdout), sep="\n")
        print(f"  ({time.monotonic() - started:.0f} s, exit {ended.returncode})", flush=True)
        ended.check_returncode()
        return ended.stdout


def _telling(output: str) -> list[str]:
    """The lines worth reading of a command's output: without the log of Ray's own doings."""
    lines = [_COLOUR.sub("", line).rstrip() for line in output.splitlines()]
    told = [line for line in lines if line and not _NOISE.search(line)]
    return told if len(told) <= 2 * _TOLD else [*told[:_TOLD], "...", *told[-_TOLD:]]


def scratch_folder() -> Path:
    """Where the machines' files lie; not below what the machines have of their own."""
    return Path(os.environ.get("SWEEPER_MACHINES", "/var/tmp/sweeper-machines"))
