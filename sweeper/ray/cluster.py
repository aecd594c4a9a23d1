"""A cluster's runtime environment, its limits, and the reservations of dead drivers.

Ray does not report the GPUs that a cluster without workers may get. Its limits are read where the
autoscaler has them: `~/ray_bootstrap_config.yaml`, which `ray up` leaves on the head. Without such
a file (KubeRay), set SWEEP_MOST: `CPU=64 GPU=8`.

When a driver is killed, Ray Train 2.60 may reserve its workers' resources again, for no one
(ray#54305); the next trials of several workers would wait for them forever.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ray
import yaml
from ray.job_submission import JobStatus
from ray.util.placement_group import PlacementGroup, remove_placement_group
from ray.util.state import list_jobs, list_placement_groups
from ray.util.state.exception import RayStateApiException

from sweeper.errors import ResourceError

_FILE = Path("~/ray_bootstrap_config.yaml")
_VARIABLE = "SWEEP_MOST"
_JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # how Ray hands a job's runtime environment to its driver


def workers_environment(project: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """The runtime environment of a cluster's workers: the project's files and variables, without
    those that a job (`ray job submit --working-dir`) has set: Ray refuses a second value."""
    job = json.loads(os.environ.get(_JOB, "{}")).get("runtime_env") or {}
    brought = job.get("env_vars") or {}
    environment: dict[str, Any] = {
        "env_vars": {name: value for name, value in variables.items() if name not in brought}
    }
    if "working_dir" not in job:
        environment["working_dir"] = str(project)
    return environment


def release_orphaned_placement_groups() -> list[str]:
    """Remove the placement groups of dead drivers and return their ids. Groups made to outlive
    their driver stay. [] if the cluster has no dashboard to ask."""
    complete: dict[str, Any] = {"detail": True, "limit": 10_000, "raise_on_missing_output": False}
    try:
        jobs, groups = list_jobs(**complete), list_placement_groups(**complete)
    except (RayStateApiException, ConnectionError):
        return []
    dead = {job.job_id for job in jobs if JobStatus(job.status).is_terminal()}
    orphaned = [
        group.placement_group_id
        for group in groups
        if group.creator_job_id in dead and not group.is_detached and group.state != "REMOVED"
    ]
    for one in orphaned:
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(one))))
    return orphaned


def most_resources(there: Mapping[str, float]) -> dict[str, float]:
    """The resources of a cluster at its largest, at least those that exist (`there`).

    Raises ResourceError if SWEEP_MOST cannot be parsed.
    """
    limits = known_limits()
    return {name: max(limits.get(name, 0.0), there.get(name, 0.0)) for name in {*there, *limits}}


def known_limits() -> dict[str, float]:
    """The resources of a cluster at its largest; {} if nobody has stated them.

    Raises ResourceError if SWEEP_MOST cannot be parsed.
    """
    text = os.environ.get(_VARIABLE)
    return _parsed(text) if text else _of_file(_FILE.expanduser())


def _parsed(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.replace(",", " ").split()]
        return {name: float(amount) for name, amount in pairs}
    except ValueError:
        raise ResourceError(
            f"{_VARIABLE}='{text}': expected the cluster's maximum size, such as CPU=64 GPU=8"
        ) from None


def _of_file(path: Path) -> dict[str, float]:
    """The most of each resource that the worker nodes of a cluster file can have, each resource
    by itself; {} if there is no such file."""
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
