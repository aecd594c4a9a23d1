"""Fake machines on one Linux box: each has a network, process and file-system view of its own.

A machine is a network, PID and mount namespace with an sshd, /root, /tmp, /dev/shm and address of
its own, on a bridge that nothing outside can reach; `ray stop` on one sees only its own processes,
and killing its first process pulls its plug. Needs root, iproute2, openssh-server and rsync.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NETWORK = "10.77.0"
TOOLS = ("ip", "unshare", "nsenter", "sshd", "ssh-keygen", "rsync")
_HIDDEN = ("/root", "/tmp")  # what a machine has of its own
_PYTHON = (Path(sys.prefix), Path(sys.base_prefix))  # what all machines share
_UNSHARE = "unshare --pid --fork --mount --uts --ipc --mount-proc --kill-child"
_SSHD = """\
ListenAddress 0.0.0.0
HostKey /tmp/keys/host
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
PidFile none
MaxStartups 50
MaxSessions 50
"""


def missing_tools() -> list[str]:
    """What this box lacks to make machines."""
    lacking = [tool for tool in TOOLS if shutil.which(tool, path=_path()) is None]
    return lacking + ["root"] * (os.geteuid() != 0)


def _path() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _call(command: str) -> None:
    subprocess.run(shlex.split(command), check=True, capture_output=True)


@dataclass
class Machine:
    """One machine; `environment` is what every login on it has."""

    name: str
    address: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """Its /root, as seen from outside."""
        return self.folder / "root"

    def boot(self) -> None:
        """Start it: an sshd as first process."""
        log = (self.folder / "boot.log").open("ab")
        self._process = subprocess.Popen(
            shlex.split(f"ip netns exec rs-{self.name} {_UNSHARE} bash {self.folder}/init.sh"),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while self.run("ss -ltn | grep -q :22", check=False).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: no sshd; see {self.folder / 'boot.log'}")
            time.sleep(0.2)

    def pull_the_plug(self) -> None:
        """SIGKILL to its first process, and with that to every process on it."""
        if self._process is None:
            return
        for child in self._first_processes():
            os.kill(child, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def _first_processes(self) -> list[int]:
        if self._process is None:
            return []
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()] if children.exists() else []

    def command(self, line: str) -> list[str]:
        """The command that runs a shell line in a login on this machine."""
        (first,) = self._first_processes()
        login = {"HOME": "/root", "USER": "root", "TERM": "xterm", "LANG": "C.UTF-8"}
        login |= {"PATH": f"{sys.prefix}/bin:{_path()}", **self.environment}
        settings = [f"{name}={value}" for name, value in login.items()]
        enter = ["nsenter", "-t", str(first), "-m", "-p", "-n", "-u", "-i", "env", "-i"]
        return [*enter, *settings, "bash", "-c", f"cd; {line}"]

    def run(
        self, line: str, *, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell line on it."""
        if not self._first_processes():
            return subprocess.CompletedProcess(line, 255, "", "not up")
        return subprocess.run(
            self.command(line), check=check, timeout=timeout, capture_output=True, text=True
        )


class Machines:
    """A network of machines below a scratch folder; use as a context manager."""

    def __init__(
        self, scratch: Path, names: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """`names`: the first gets address 10.77.0.1, the second 10.77.0.2, and so on."""
        self.scratch = scratch
        self.all = {
            name: Machine(name, f"{NETWORK}.{i}", scratch / name, environment or {})
            for i, name in enumerate(names, 1)
        }

    def __getitem__(self, name: str) -> Machine:
        return self.all[name]

    def __enter__(self) -> Machines:
        try:
            self._make_keys()
            self._make_switch()
            for machine in self.all.values():
                self._connect(machine)
                self._furnish(machine)
                machine.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for machine in self.all.values():
            machine.pull_the_plug()
        for name in [*self.all, "switch"]:
            subprocess.run(["ip", "netns", "del", f"rs-{name}"], capture_output=True)

    def _make_keys(self) -> None:
        keys = self.scratch / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        for name in ("id", "host"):
            if not (keys / name).exists():
                _call(f"ssh-keygen -q -t ed25519 -N '' -f {keys / name}")

    def _make_switch(self) -> None:
        _call("ip netns add rs-switch")
        inside = "ip netns exec rs-switch ip link"
        _call(f"{inside} set lo up")
        _call(f"{inside} add br0 type bridge")
        _call(f"{inside} set br0 up")

    def _connect(self, machine: Machine) -> None:
        space, card, port = f"rs-{machine.name}", f"v{machine.name}", f"p{machine.name}"
        inside = f"ip netns exec {space} ip"
        _call(f"ip netns add {space}")
        _call(f"{inside} link set lo up")
        _call(f"ip link add {card} netns {space} type veth peer name {port} netns rs-switch")
        _call(f"{inside} link set {card} up")
        self._address(machine)
        _call(f"ip netns exec rs-switch ip link set {port} master br0")
        _call(f"ip netns exec rs-switch ip link set {port} up")

    def move(self, machine: Machine, address: str) -> None:
        """Give a machine the address that it speaks from; it answers to its first one too."""
        inside = f"ip netns exec rs-{machine.name} ip"
        _call(f"{inside} addr add {address}/32 dev v{machine.name}")
        _call(f"{inside} route replace default dev v{machine.name} src {address}")

    def renew(self, machine: Machine) -> None:
        """Make a machine as it was when it was first booted, and boot it."""
        machine.pull_the_plug()
        inside = f"ip netns exec rs-{machine.name} ip"
        _call(f"{inside} addr flush dev v{machine.name}")
        self._address(machine)
        self._furnish(machine)
        machine.boot()

    def _address(self, machine: Machine) -> None:
        inside = f"ip netns exec rs-{machine.name} ip"
        _call(f"{inside} addr add {machine.address}/24 dev v{machine.name}")
        # without a default route Ray takes 127.0.0.1
        _call(f"{inside} route replace default dev v{machine.name}")

    def _furnish(self, machine: Machine) -> None:
        """Its folders, keys and what its first process does."""
        folder, keys = machine.folder, self.scratch / "keys"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "root" / ".ssh").mkdir(parents=True, mode=0o700)
        (folder / "tmp" / "keys").mkdir(parents=True)
        shutil.copy(keys / "id.pub", folder / "root" / ".ssh" / "authorized_keys")
        shutil.copy(keys / "id", folder / "root" / ".ssh" / "id")
        shutil.copy(keys / "host", folder / "tmp" / "keys" / "host")
        (folder / "tmp" / "sshd_config").write_text(_SSHD)
        settings = {"PATH": f"{sys.prefix}/bin:{_path()}", **machine.environment}
        exports = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
        (folder / "root" / ".bashrc").write_text("".join(exports))
        (folder / "root" / ".bash_profile").write_text(". ~/.bashrc\n")
        (folder / "init.sh").write_text(_init(machine))


def _init(machine: Machine) -> str:
    folder, lines = machine.folder, [f"hostname rs-{machine.name}", "mount --make-rprivate /"]
    for shared in _PYTHON:
        for hidden in _HIDDEN:
            if shared.is_relative_to(hidden):
                place = folder / hidden[1:] / shared.relative_to(hidden)
                lines += [f"mkdir -p {place}", f"mount --bind {shared} {place}"]
    return "\n".join(
        [
            "set -e",
            *lines,
            f"mount --rbind {folder}/root /root",
            f"mount --rbind {folder}/tmp /tmp",
            "chmod 1777 /tmp",
            "mount -t tmpfs tmpfs /dev/shm",
            "mount -t tmpfs tmpfs /run",
            "mkdir -p /run/sshd",
            "exec /usr/sbin/sshd -D -e -f /tmp/sshd_config",
            "",
        ]
    )
