"""What a cluster needs to be told, and what it has to be asked.

Of a cluster that has no worker yet, Ray tells nothing of the GPUs it may get. Its limits are read
where the autoscaler has them: `~/ray_bootstrap_config.yaml`, which `ray up` leaves on the head.
Where there is no such file (KubeRay), SWEEP_MOST says it: `CPU=64 GPU=8`.

What a killed driver left reserved is given back: as its driver dies, Ray Train 2.60 may reserve its
workers' resources anew, for nobody, and the next trials of several workers would wait for ever.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
import yaml
from ray.util.placement_group import PlacementGroup, remove_placement_group
from ray.util.state import list_placement_groups
from ray.util.state.exception import RayStateApiException

from sweeper.errors import ResourceError

_FILE = Path("~/ray_bootstrap_config.yaml")
_VARIABLE = "SWEEP_MOST"
_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # how Ray hands a job's runtime environment to its driver


def workers_environment(project: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The runtime environment of a cluster's workers: the project's files and variables. What a job
    (`ray job submit --working-dir`) has brought already is left out: Ray refuses to be told twice.
    """
    job = json.loads(os.environ.get(_JOB, "{}")).get("runtime_env") or {}
    brought = job.get("env_vars") or {}
    environment: dict[str, Any] = {
        "env_vars": {name: value for name, value in variables.items() if name not in brought}
    }
    if "working_dir" not in job:
        environment["working_dir"] = str(project)
    return environment


def give_back_what_the_dead_reserved() -> list[str]:
    """Remove the placement groups of drivers that are dead; their ids. Groups made to outlive their
    driver stay. [] where the cluster has no dashboard to ask."""
    dead = {job["JobID"] for job in ray._private.state.jobs() if job["IsDead"]}
    try:
        groups = list_placement_groups(detail=True, limit=10_000, raise_on_missing_output=False)
    except (RayStateApiException, ConnectionError):
        return []
    left = [
        group.placement_group_id
        for group in groups
        if group.creator_job_id in dead and not group.is_detached and group.state != "REMOVED"
    ]
    for one in left:
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(one))))
    return left


def most_resources(there: Mapping[str, float]) -> dict[str, float]:
    """The resources of a cluster that has grown as far as it may, at least those that are `there`.

    Raises ResourceError where SWEEP_MOST cannot be read.
    """
    text = os.environ.get(_VARIABLE)
    limits = _told(text) if text else _of_file(_FILE.expanduser())
    return {name: max(limits.get(name, 0.0), there.get(name, 0.0)) for name in {*there, *limits}}


def _told(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.replace(",", " ").split()]
        return {name: float(amount) for name, amount in pairs}
    except ValueError:
        raise ResourceError(
            f"{_VARIABLE}='{text}': expected what the cluster may grow to, such as CPU=64 GPU=8"
        ) from None


def _of_file(path: Path) -> dict[str, float]:
    """What the worker nodes that a cluster file allows have at most, of each resource by itself;
    {} where there is no such file."""
    if not path.is_file():
        return {}
    cluster: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    types = cluster.get("available_node_types", {}).values()
    names = {name for one in types for name in one.get("resources") or {}}
    most = {name: _most(name, types, cluster.get("max_workers", 0)) for name in names}
    return {name: amount for name, amount in most.items() if amount}


def _most(name: str, node_types: Iterable[Mapping[str, Any]], workers: int) -> float:
    """As much of a resource as `workers` nodes can have, the richest types first."""
    kinds = [
        ((one.get("resources") or {}).get(name, 0), one.get("max_workers", 0)) for one in node_types
    ]
    total = 0.0
    for amount, count in sorted(kinds, reverse=True):
        taken = min(workers, count)
        total, workers = total + taken * amount, workers - taken
    return total
