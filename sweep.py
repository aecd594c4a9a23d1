"""The command: `python sweep.py --help`. On a cluster: `ray submit cluster.yaml sweep.py`."""

import os
import sys
from pathlib import Path

# `ray submit` copies this file alone: then the packages are where SWEEP_HOME says. First on the
# path, so that no installed package named `datasets` takes the place of ours.
HOME = Path(__file__).resolve().parent
if not (HOME / "sweeper" / "cli.py").is_file():
    HOME = Path(os.environ.get("SWEEP_HOME", HOME)).expanduser()
if not (HOME / "sweeper" / "cli.py").is_file():
    print(f"error: SWEEP_HOME='{HOME}': no checkout of the project there", file=sys.stderr)
    sys.exit(2)
sys.path.insert(0, str(HOME))

from sweeper.engine.supervisor import supervised  # noqa: E402


def main() -> int:
    """The command; its imports come after the fork, so that the process that waits stays small."""
    from sweeper.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(supervised(main))
