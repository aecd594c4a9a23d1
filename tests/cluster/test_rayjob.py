"""The KubeRay manifest against KubeRay's fields and the project's own needs."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sweeper.config.load import load_config
from sweeper.ray.cluster import most_resources

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture
def manifest() -> dict[str, Any]:
    text = (ROOT / "docs" / "how-to" / "cluster" / "rayjob.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def check(manifest: dict[str, Any]) -> None:
    schema = json.loads((HERE / "rayjob_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(manifest, schema)


def pods(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = manifest["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod["containers"][0]["env"]}


def test_the_manifest_satisfies_the_schema_and_a_wrong_one_does_not(
    manifest: dict[str, Any],
) -> None:
    check(manifest)
    wrong = deepcopy(manifest)
    wrong["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["maxWorkers"] = 3
    with pytest.raises(jsonschema.ValidationError, match="maxWorkers"):
        check(wrong)


def test_the_head_runs_no_trial_and_workers_scale_from_zero(manifest: dict[str, Any]) -> None:
    cluster = manifest["spec"]["rayClusterSpec"]
    head = cluster["headGroupSpec"]["rayStartParams"]
    assert head["num-cpus"] == "0"
    assert json.loads(json.loads(head["resources"])) == {"trial_driver": 64}
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] == 0 < workers["maxReplicas"]
    assert cluster["enableInTreeAutoscaling"]


def test_a_token_is_asked_for_and_nothing_is_reached_from_outside(manifest: dict[str, Any]) -> None:
    cluster = manifest["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"


def test_the_driver_is_told_what_the_workers_may_grow_to(
    manifest: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (workers,) = manifest["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    monkeypatch.setenv("SWEEP_MOST", environment(pods(manifest)[0])["SWEEP_MOST"])
    assert most_resources({}) == {
        "CPU": workers["maxReplicas"] * float(limits["cpu"]),
        "GPU": workers["maxReplicas"] * float(limits["nvidia.com/gpu"]),
    }


def test_its_images_lie_at_the_path_that_its_settings_name(manifest: dict[str, Any]) -> None:
    for pod in pods(manifest):
        settings = environment(pod)["SWEEP_SET"].split()
        config = load_config("paper", settings)
        (mount,) = pod["containers"][0]["volumeMounts"]
        assert config.data.path == mount["mountPath"]
        assert mount["name"] in {volume["name"] for volume in pod["volumes"]}
        assert config.store.startswith("s3://")


def test_the_entrypoint_is_where_the_dockerfile_puts_it(manifest: dict[str, Any]) -> None:
    dockerfile = (ROOT / "docs" / "how-to" / "cluster" / "Dockerfile").read_text(encoding="utf-8")
    script = Path(manifest["spec"]["entrypoint"].split()[1])
    assert f"COPY --chown=ray . {script.parent}" in dockerfile
    assert f"SWEEP_HOME={script.parent}" in dockerfile
    assert (ROOT / script.name).is_file()
    version = manifest["spec"]["rayClusterSpec"]["rayVersion"]
    assert f"rayproject/ray:{version}-" in dockerfile
    assert f"ray=={version}\n" in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_images_and_environments_stay_out_of_the_image_and_off_the_nodes() -> None:
    """`docker build` reads the one file, `ray up` and a job's working directory the other."""
    of_docker, of_git = (
        {line.strip("/") for line in (ROOT / name).read_text(encoding="utf-8").split()}
        for name in (".dockerignore", ".gitignore")
    )
    here = {".git", ".venv", "runs", "store", "node_modules", "build"}
    here |= {Path(load_config("paper").data.path or "").parts[0]}
    assert here <= of_docker
    assert here - {".git"} <= of_git
