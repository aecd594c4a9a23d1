"""`python -m tests.cluster local | aws | kills`: the whole way on fake machines; needs root.

Made is what a user makes, from the project's own cluster.yaml with an overlay of what must differ;
the store is moto's S3, reached over its protocol.
"""

from __future__ import annotations

import shlex
import sys

from tests.cluster.fake_cloud import Site, scratch_folder
from tests.cluster.instances import Instances
from tests.cluster.interruptions import Interruptions
from tests.cluster.tables import differing_tables

LONGER = {  # so that every stage lasts long enough to be hit
    "search.scheduler": "none",
    "search.draws": 6,
    "search.epochs": 10,
    "preprocess.image_size": 128,
    "augment.copies": 4,
    "explain.n_steps": 32,
}


def local() -> None:
    """Ray's on-premise provider."""
    with Site(scratch_folder()) as site:
        site.laptop.environment = {**site.laptop.environment, "RAY_UP_enable_autoscaler_v2": "0"}
        site.write_cluster("local")
        _whole_way(site)


def aws() -> None:
    """The aws provider against moto's server."""
    with (
        Site(scratch_folder()) as site,
        Instances(site.machines, site.machines["cloud"], ["head", "w1", "w2"]) as instances,
    ):
        site.write_cluster("aws")
        _whole_way(site)
        print("instances at once, at most:", instances.most)


def kills() -> None:
    """The aws provider, and a node taken away in every stage."""
    sets = shlex.join(f"--set={key}={value}" for key, value in LONGER.items())
    with (
        Site(scratch_folder()) as site,
        Instances(site.machines, site.machines["cloud"], ["head", "w1", "w2"]) as instances,
    ):
        alone = 'SWEEP_SET="store=$HOME/store data.path=$HOME/images" python sweep.py run smoke'
        site.type(f"{alone} {sets} --out ~/unbroken")
        site.write_cluster("aws")
        try:
            site.type("ray up -y --no-config-cache cluster.yaml")
            submit = f"ray submit cluster.yaml sweep.py -- run smoke {sets}"
            for attempt in range(1, 4):
                print(f"$ {submit}", flush=True)
                command = site.laptop.command(f"cd sweeper; {submit} 2>&1")
                watched = Interruptions(instances.interrupt)
                code = watched.follow(command, timeout=1200)
                (site.machines.scratch / f"driver-{attempt}.log").write_text("".join(watched.lines))
                print(f"  exit {code} after nodes were killed in: {', '.join(watched.struck)}")
                if code == 0:
                    break
            site.type("ray rsync-down cluster.yaml '~/runs/smoke/' ~/broken")
        finally:
            site.type("ray down -y cluster.yaml")
        home = site.laptop.home
        differing = differing_tables(home / "unbroken" / "results", home / "broken" / "results")
        print("tables that differ from the unbroken run's:", differing or "none")


def _whole_way(site: Site) -> None:
    site.show_differences()
    try:
        site.type("ray up -y --no-config-cache cluster.yaml")
        site.type("ray exec cluster.yaml 'ray status'")
        site.type("ray submit cluster.yaml sweep.py")
        site.type("ray rsync-down cluster.yaml '~/runs/smoke/' ~/smoke-run && ls ~/smoke-run/*")
        site.type("sleep 60; ray exec cluster.yaml 'ray status'")
    finally:
        site.type("ray down -y cluster.yaml")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    {"local": local, "aws": aws, "kills": kills}[sys.argv[1]]()
