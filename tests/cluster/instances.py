"""moto's EC2 says which instances there are; fake machines become them.

For each instance that starts, a free machine takes its address; one that is terminated has its plug
pulled and is made new.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading

from tests.cluster.machines import Machine, Machines

_PREPARE = """
import json, boto3
iam, ec2 = boto3.client("iam"), boto3.client("ec2")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"Service": "ec2.amazonaws.com"}}]}
for name in ("sweeper-head", "sweeper-worker"):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
group = ec2.create_security_group(GroupName="sweeper", Description="nodes", VpcId=vpc)["GroupId"]
ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22,
                                     CidrIp="10.77.0.0/24")
ec2.create_key_pair(KeyName="laptop")
"""
_WATCH = """
import json, time, boto3
ec2 = boto3.client("ec2")
while True:
    reservations = ec2.describe_instances()["Reservations"]
    print(json.dumps([[i["InstanceId"], i["State"]["Name"], i.get("PrivateIpAddress", "")]
                      for r in reservations for i in r["Instances"]]), flush=True)
    time.sleep(0.5)
"""


class Instances:
    """The instances of moto's EC2 as machines; use as a context manager."""

    def __init__(self, machines: Machines, cloud: Machine, free: list[str]) -> None:
        self.machines, self.cloud, self.free = machines, cloud, free
        self.running: dict[str, str] = {}  # instance -> machine
        self.most = 0  # that ran at once
        self.history: list[str] = []

    def __enter__(self) -> Instances:
        (self.cloud.home / "prepare.py").write_text(_PREPARE)
        (self.cloud.home / "watch.py").write_text(_WATCH)
        self.cloud.run(f"{sys.prefix}/bin/python prepare.py")
        self._watch = subprocess.Popen(
            self.cloud.command(f"exec {sys.prefix}/bin/python watch.py"),
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._watch.kill()
        self._watch.wait()

    def interrupt(self) -> str | None:
        """Take the worker that does most away, as the spot market does; None where none is busy."""
        workers = {name: i for i, name in self.running.items() if name != "head"}
        busy = {name: self._at_work(self.machines[name]) for name in workers}
        name = max(busy, key=lambda name: busy[name], default=None)
        if name is None or not busy[name]:
            return None
        self.machines[name].pull_the_plug()
        ec2 = "import boto3; boto3.client('ec2')"
        end = f"{ec2}.terminate_instances(InstanceIds=['{workers[name]}'])"
        self.cloud.run(f"{sys.prefix}/bin/python -c {shlex.quote(end)}")
        return name

    def _at_work(self, machine: Machine) -> int:
        """Processes of Ray on it that do a run's work: not idle ones, nor Ray's own agents."""
        working = r"grep '^ray::' | grep -vcE '^ray::(IDLE|\w+Agent|JobSupervisor)'"
        count = machine.run(f"ps -eo args | {working}", check=False)
        return int(count.stdout or 0)

    def _follow(self) -> None:
        assert self._watch.stdout is not None
        for line in self._watch.stdout:
            for instance, state, address in json.loads(line):
                self._apply(instance, state, address)

    def _apply(self, instance: str, state: str, address: str) -> None:
        known = instance in self.running
        if state == "running" and not known and self.free:
            name = self.free.pop(0)
            self.running[instance] = name
            self.machines.move(self.machines[name], address)
            self._tell(f"{instance} starts as {name}")
        elif state == "terminated" and known:
            name = self.running.pop(instance)
            self.machines.renew(self.machines[name])
            self.free.append(name)
            self._tell(f"{instance}, {name}, is terminated")

    def _tell(self, event: str) -> None:
        self.most = max(self.most, len(self.running))
        self.history.append(event)
        print(f"  [EC2] {event}", flush=True)
