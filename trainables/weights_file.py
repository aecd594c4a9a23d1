"""Write safetensors files with the permissions of any other new file.

The library makes its files readable by their owner only, regardless of the umask, so that
colleagues could not open them in a shared store or an exported folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from stat import S_IMODE

from safetensors.torch import save_file
from torch import Tensor


def write_weights(state: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, which must not share memory, with the permissions of a new file there."""
    path.unlink(missing_ok=True)
    path.touch()
    permissions = S_IMODE(path.stat().st_mode)
    save_file(dict(state), path)
    path.chmod(permissions)
