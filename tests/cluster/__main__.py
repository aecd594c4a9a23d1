"""`python -m tests.cluster local | aws`: the whole way on fake machines; needs root.

Made is what a user makes, from the project's own cluster.yaml with an overlay of what must differ;
the store is moto's S3, reached over its protocol.
"""

from __future__ import annotations

import sys

from tests.cluster.fake_cloud import Site, scratch_folder
from tests.cluster.instances import Instances


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
    {"local": local, "aws": aws}[sys.argv[1]]()
