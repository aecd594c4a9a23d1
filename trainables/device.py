"""Choose the device of a process: what Ray assigned to a worker, or what a command finds here.

A worker without a GPU of its own may still see all of the machine's, because the session sets
RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=0. So workers ask Ray, never `torch.cuda.is_available()`, and
pass the device on.

float32 is float32 on every device: by default torch lets cuDNN round the factors of convolutions to
TF32, whose mantissa has 10 bits. A faster arithmetic is a setting that a trial's record names.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Arithmetic:
    """What the numbers of a trial depend on besides its key."""

    device_type: str  # cpu or cuda
    precision: str  # float32 or bfloat16: of the layers of the backbone that it trains
    tf32: bool  # whether the factors of float32 products were rounded to TF32

    @classmethod
    def of(cls, precision: str, device: torch.device) -> Arithmetic:
        return cls(device.type, precision, device.type == "cuda" and _rounds_to_tf32())


def assigned_device() -> torch.device:
    """The GPU that Ray assigned to this worker, or the CPU with one thread.

    Raises RuntimeError if Ray assigned a GPU that torch cannot use.
    """
    device = device_of(_assigned_gpus())
    if device.type == "cpu":
        torch.set_num_threads(1)
    _compute_in_full_float32()
    return device


def assigned_share() -> float:
    """The share of a GPU that Ray assigned to this worker, 0..1; 0 if it has none."""
    import ray

    if not _assigned_gpus():
        return 0.0
    return min(1.0, float(ray.get_runtime_context().get_assigned_resources().get("GPU", 1.0)))


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
        return CPU
    if not torch.cuda.is_available():
        raise RuntimeError(
            f"Ray assigned GPU {', '.join(gpus)}, but torch sees no CUDA device; install a torch "
            "built for CUDA and its driver, or set resources.gpus_per_trial=0"
        )
    # Ray Train shows its workers all GPUs of their node and selects one.
    return torch.device("cuda", torch.cuda.current_device())


def local_device() -> torch.device:
    """The first GPU of this machine, or the CPU: for commands that run outside Ray."""
    _compute_in_full_float32()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolved_precision(setting: str, device: torch.device) -> str:
    """`auto` is bfloat16 where the device computes in it natively, else float32."""
    if setting != "auto":
        return setting
    return "bfloat16" if has_fast_bfloat16(device) else "float32"


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 natively. T4 and V100 only emulate it, slowly."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """A network on the device. On a GPU its convolutions' weights lie channels last, as their
    inputs do: otherwise each step would convert them."""
    moved: nn.Module = network.to(device)
    return moved if device.type == "cpu" else moved.to(memory_format=torch.channels_last)


def release_memory() -> None:
    """Give the GPU memory that this process no longer uses back to other processes; torch would
    keep it for the next trial."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def _compute_in_full_float32() -> None:
    """By torch's older names: where its newer `fp32_precision` is set, `torch.export`, which reads
    the older ones, refuses to write ONNX."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _rounds_to_tf32() -> bool:
    return torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32
