"""The GPUs of this machine; torch, which takes seconds to import, is asked only where there may be
some."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_DRIVERS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA, WSL, AMD


@cache
def gpu_names() -> tuple[str, ...]:
    """Their names, in torch's order."""
    if not any(Path(driver).exists() for driver in _DRIVERS):
        return ()
    import torch

    return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
