"""Choose the device of a process: what Ray assigned to a worker, or what a command finds here.

A worker without a GPU of its own may still see all of the machine's, because the session sets
RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=0. So workers ask Ray, never `torch.cuda.is_available()`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def assigned_device() -> torch.device:
    """The GPU that Ray assigned to this worker, or the CPU with one thread.

    Raises RuntimeError if Ray assigned a GPU that torch cannot use.
    """
    device = device_of(_assigned_gpus())
    if device.type == "cpu":
        torch.set_num_threads(1)
    return device


def _assigned_gpus() -> Sequence[str]:
    import ray  # seconds to import

    if not ray.is_initialized():  # its runtime context would start one
        return []
    gpus: list[str] = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    return gpus


def device_of(gpus: Sequence[str]) -> torch.device:
    """The device of a process with these GPUs assigned to it.

    Raises RuntimeError if there are some and torch cannot use them.
    """
    if not gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RuntimeError(
            f"Ray assigned GPU {', '.join(gpus)}, but torch sees no CUDA device; install a torch "
            "built for CUDA and its driver, or set resources.gpus_per_trial=0"
        )
    # Ray Train shows its workers all GPUs of their node and selects one.
    return torch.device("cuda", torch.cuda.current_device())


def local_device() -> torch.device:
    """The first GPU of this machine, or the CPU: for commands that run outside Ray."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 natively. T4 and V100 only emulate it, slowly."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
