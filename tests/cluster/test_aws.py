"""cluster.yaml and the policies of docs/how-to/cluster/ against moto's AWS.

What Ray asks of AWS, and what the nodes may do. moto reads the conditions of no policy; real IAM,
images, quotas and spot are not covered either.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pytest
import yaml
from moto import mock_aws
from moto.core.authorization import enable_iam_authentication
from moto.server import ThreadedMotoServer
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config

from sweeper.errors import StoreError
from sweeper.store.artifact import key_of
from sweeper.store.store import Store

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "docs" / "how-to" / "cluster"
REGION, ACCOUNT, BUCKET, GROUP = "us-east-1", "123456789012", "my-bucket", "sg-0123"


def policy(name: str) -> str:
    """A policy as prepare-aws.sh fills it in."""
    text = (POLICIES / f"{name}-policy.json").read_text(encoding="utf-8")
    values = {"BUCKET": BUCKET, "REGION": REGION, "ACCOUNT": ACCOUNT, "GROUP": GROUP}
    for word, value in values.items():
        text = text.replace(word, value)
    return text


def statements(name: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(policy(name))["Statement"]
    return read


def actions(name: str) -> set[str]:
    listed = [statement["Action"] for statement in statements(name)]
    return {one for some in listed for one in ([some] if isinstance(some, str) else some)}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An account as docs/how-to/cluster/prepare-aws.sh leaves it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            patch.setenv(name, REGION)
        iam, ec2 = boto3.client("iam"), boto3.client("ec2")
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        for role in ("sweeper-head", "sweeper-worker"):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=policy("trust"))
            iam.put_role_policy(RoleName=role, PolicyName="store", PolicyDocument=policy("worker"))
            iam.create_instance_profile(InstanceProfileName=role)
            iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        iam.put_role_policy(
            RoleName="sweeper-head", PolicyName="autoscaler", PolicyDocument=policy("head")
        )
        (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        group = ec2.create_security_group(
            GroupName="sweeper", Description="nodes", VpcId=vpc["VpcId"]
        )["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="198.51.100.7/32"
        )
        yield


@pytest.fixture(scope="module")
def cluster(account: None) -> dict[str, Any]:
    """The file as Ray's bootstrap completes it."""
    read = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    completed: dict[str, Any] = bootstrap_aws(prepare_config(read))
    return completed


@contextmanager
def recorded(provider: AWSNodeProvider) -> Iterator[set[str]]:
    """The IAM actions of what is asked of EC2 meanwhile."""
    asked: set[str] = set()
    for ec2 in (provider.ec2, provider.ec2_fail_fast):
        ec2.meta.client.meta.events.register(
            "before-call.ec2", lambda model, **_: asked.add(f"ec2:{model.name}")
        )
    yield asked


def test_every_node_has_the_role_and_the_group_made_for_it(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    roles = {name: one["node_config"]["IamInstanceProfile"] for name, one in types.items()}
    assert roles == {"head": {"Name": "sweeper-head"}, "gpu_worker": {"Name": "sweeper-worker"}}
    ec2 = boto3.client("ec2")
    for one in types.values():
        (group,) = ec2.describe_security_groups(GroupIds=one["node_config"]["SecurityGroupIds"])[
            "SecurityGroups"
        ]
        assert group["GroupName"] == "sweeper"
        sources = [r["CidrIp"] for rule in group["IpPermissions"] for r in rule["IpRanges"]]
        assert sources == ["198.51.100.7/32"]


def test_workers_are_spot_and_the_head_is_not(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    market = {name: one["node_config"].get("InstanceMarketOptions") for name, one in types.items()}
    assert market == {"head": None, "gpu_worker": {"MarketType": "spot"}}


def test_the_head_may_do_what_its_autoscaler_asks_and_no_more(cluster: dict[str, Any]) -> None:
    provider = AWSNodeProvider(cluster["provider"], cluster["cluster_name"])
    worker = cluster["available_node_types"]["gpu_worker"]["node_config"]
    with recorded(provider) as asked:
        (node,) = provider.create_node(worker, {"ray-node-type": "worker"}, 1)
        assert provider.non_terminated_nodes({}) == [node]
        provider.set_node_tags(node, {"ray-node-status": "up-to-date"})
        provider.terminate_nodes([node])
        assert provider.non_terminated_nodes({}) == []
    assert {"ec2:RunInstances", "ec2:TerminateInstances"} <= asked
    besides = {"ec2:CreateTags", "ec2:DescribeInstanceTypes", "iam:PassRole", "ssm:GetParameters"}
    assert asked <= actions("head") <= asked | besides


def test_only_instances_of_this_cluster_are_started_and_ended(cluster: dict[str, Any]) -> None:
    tags = [
        value
        for statement in statements("head")
        for condition in statement.get("Condition", {}).values()
        for name, value in condition.items()
        if name.endswith("/ray-cluster-name")
    ]
    assert tags == [cluster["cluster_name"]] * 2
    for statement in statements("head"):
        changing = [one for one in [statement["Action"]] if "Describe" not in str(one)]
        assert not changing or statement["Resource"] != "*"


def test_the_head_may_start_the_worker_types_of_the_file_and_no_other() -> None:
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    workers = text[text.index("gpu_worker:") : text.index("On a single machine")]
    (allowed,) = (
        condition["StringEquals"]["ec2:InstanceType"]
        for statement in statements("head")
        if (condition := statement.get("Condition"))
        and "ec2:InstanceType" in condition["StringEquals"]
    )
    assert allowed == re.findall(r"InstanceType: (\S+)", workers)


def test_workers_are_started_in_the_group_made_for_them_alone() -> None:
    of_starting = [one for one in statements("head") if one["Action"] == "ec2:RunInstances"]
    listed = [one["Resource"] for one in of_starting]
    resources = [one for some in listed for one in ([some] if isinstance(some, str) else some)]
    groups = [one for one in resources if "security-group" in one]
    assert groups == [f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{GROUP}"]


@pytest.fixture(scope="module")
def worker(account: None) -> tuple[str, str]:
    """An access key of somebody who may do what a worker may."""
    iam = boto3.client("iam")
    iam.create_user(UserName="worker")
    # For HEAD of a bucket AWS asks for s3:ListBucket; moto for an action that AWS does not have.
    document = policy("worker").replace('"s3:ListBucket"', '["s3:ListBucket", "s3:HeadBucket"]')
    iam.put_user_policy(UserName="worker", PolicyName="store", PolicyDocument=document)
    key = iam.create_access_key(UserName="worker")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_a_worker_reads_and_writes_the_store_and_nothing_beside_it(worker: tuple[str, str]) -> None:
    session = boto3.Session(*worker, region_name=REGION)
    s3 = session.client("s3")
    denied = pytest.raises(botocore.exceptions.ClientError, match="AccessDenied")
    with enable_iam_authentication():
        s3.put_object(Bucket=BUCKET, Key="sweeper/trials/1", Body=b"1")
        assert s3.get_object(Bucket=BUCKET, Key="sweeper/trials/1")["Body"].read() == b"1"
        assert s3.list_objects_v2(Bucket=BUCKET, Prefix="sweeper/")["KeyCount"] == 1
        s3.delete_object(Bucket=BUCKET, Key="sweeper/trials/1")
        with denied:
            s3.put_object(Bucket=BUCKET, Key="others/1", Body=b"1")
        with denied:
            s3.list_buckets()
        with denied:
            session.client("ec2").describe_instances()


def test_the_workers_policy_is_enough_for_the_store(
    worker: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadedMotoServer(port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", worker[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", worker[1])
        with enable_iam_authentication():
            store = Store(f"s3://{BUCKET}/sweeper")
            with store.writing("splits", {"of": "this"}) as folder:
                store.write_file(f"{folder}/rows", b"rows")
            artifact = store.get("splits", key_of({"of": "this"}))
            assert store.read_file(f"{artifact.folder}/rows") == b"rows"
            with pytest.raises(StoreError, match="cannot be written to"):
                Store(f"s3://{BUCKET}/others")
    finally:
        server.stop()


def test_the_file_asks_for_no_policy_that_prepare_aws_does_not_make() -> None:
    script = (POLICIES / "prepare-aws.sh").read_text(encoding="utf-8")
    made = {path.name for path in POLICIES.glob("*-policy.json")}
    assert made == {name for name in made if name in script}
    assert "for node in head worker" in script
    assert "role=sweeper-$node" in script
