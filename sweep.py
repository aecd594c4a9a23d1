"""The command: `python sweep.py --help`. On a cluster: `ray submit cluster.yaml sweep.py`."""

import os
import sys
from pathlib import Path

# `ray submit` copies this file alone; the packages are where SWEEP_HOME says.
HOME = Path(os.environ.get("SWEEP_HOME", Path(__file__).resolve().parent)).expanduser()
sys.path.insert(0, str(HOME))

from sweeper.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
