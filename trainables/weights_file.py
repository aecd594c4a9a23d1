"""A safetensors file that may be read by whoever may read the files beside it.

The library writes its files for their owner alone, whatever the umask says, and a shared store or
an exported folder then holds one file that colleagues cannot open.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from stat import S_IMODE

from safetensors.torch import save_file
from torch import Tensor


def write_weights(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, each with memory of its own, with the permissions of any new file there."""
    path.unlink(missing_ok=True)
    path.touch()
    permissions = S_IMODE(path.stat().st_mode)
    save_file(dict(state), path)
    path.chmod(permissions)
