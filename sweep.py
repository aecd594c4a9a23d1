"""The command: `python sweep.py --help`. On a cluster: `ray submit cluster.yaml sweep.py`."""

import os
import shlex
import signal
import sys
from pathlib import Path

if __name__ == "__main__":  # an interrupt waits until `supervised` can answer it
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

OLDEST = (3, 11)
OURS = ("benchmarks", "datasets", "reports", "sweeper", "trainables")

# `ray submit` copies this file alone: then the packages are where SWEEP_HOME says. First on the
# path, so that no installed package named `datasets` takes the place of ours.
HOME = Path(__file__).resolve().parent
if not (HOME / "sweeper" / "cli.py").is_file():
    HOME = Path(os.environ.get("SWEEP_HOME", HOME)).expanduser()
if not (HOME / "sweeper" / "cli.py").is_file():
    print(f"error: SWEEP_HOME='{HOME}': no checkout of the project there", file=sys.stderr)
    sys.exit(2)
sys.path.insert(0, str(HOME))

from sweeper.ray.supervisor import supervised  # noqa: E402


def main() -> int:
    """The command; its imports come after the fork, so that the process that waits stays small."""
    try:
        from sweeper.cli import main as command

        return command()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise
        return refuse(f"the package {error.name} is not installed for {sys.executable}")


def refuse(reason: str) -> int:
    """Say in one line that another interpreter is needed, and which; 2."""
    ready = HOME / ".venv" / "bin" / "python"
    command = shlex.join([str(ready), sys.argv[0], *sys.argv[1:]])
    if not ready.exists():
        first = f"make -C {shlex.quote(str(HOME))} setup && "
    elif Path(sys.executable) == ready:
        packages = shlex.join(["-c", str(HOME / "constraints.txt"), str(HOME)])
        first = f"{shlex.quote(str(ready))} -m pip install {packages} && "
    else:
        first = ""
    line = f"error: {reason}; run: {first}{command}"
    print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        needed = ".".join(str(part) for part in OLDEST)
        sys.exit(refuse(f"Python {needed} or newer is needed, {sys.executable} is older"))
    sys.exit(supervised(main))
