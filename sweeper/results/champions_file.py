"""Write champions.json: the complete trial of every champion of a run, with its key in the store.

`predict` and `export` build the network from it, without the run's images or its configuration.
"""

from __future__ import annotations

import json
from pathlib import Path

from sweeper.plan.ledger import Ledger

CHAMPIONS_FILE = "champions.json"


def write_champions_file(ledger: Ledger, folder: Path) -> None:
    """Write the file into the `results` folder of a run."""
    champions = {
        champion.key: champion.to_json()
        for cell in ledger.plan.cells
        if (champion := ledger.champion(cell))
    }
    kept = {key: {**spec, "store": "", "cell": ""} for key, spec in sorted(champions.items())}
    (folder / CHAMPIONS_FILE).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
