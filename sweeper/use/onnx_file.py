"""Write a network as an ONNX file, and compare what ONNX Runtime computes with it."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.errors import StoreError

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-3  # on probabilities; rounding between runtimes differs by some 1e-6
_OPSET = 20


def check_onnx(option: str) -> None:
    """Raise StoreError if a package for ONNX, which `option` needs, is not installed."""
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        project = Path(__file__).resolve().parents[2]
        arguments = ["-c", str(project / "constraints.txt"), f"{project}[export]"]
        install = shlex.join([sys.executable, "-m", "pip", "install", *arguments])
        raise StoreError(
            f"{option}: needs {', '.join(missing)}; install with {install}, or omit {option}"
        )


@torch.no_grad()
def export_onnx(model: nn.Module, pixels: Tensor, path: Path, outputs: Sequence[str]) -> None:
    """Write a network from `pixels` (B, 3, N, N) to `outputs`; the batch size is dynamic."""
    torch.onnx.export(
        model,
        (pixels,),
        path,
        input_names=["pixels"],
        output_names=list(outputs),
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch", min=1)}},
        opset_version=_OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def share_equal_parts(path: Path) -> None:
    """Merge equal weights, and operations with equal inputs, of an ONNX file in place."""
    import onnx_ir as ir
    from onnx_ir.passes import common

    model = ir.load(path)
    for one in (
        common.DeduplicateHashedInitializersPass(size_limit=2**31),
        common.CommonSubexpressionEliminationPass(),
        common.RemoveUnusedNodesPass(),
    ):
        model = one(model).model
    ir.save(model, path)


def run_onnx(path: Path, pixels: Tensor) -> list[np.ndarray]:
    """The outputs of an ONNX file on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, {"pixels": pixels.numpy()})
    return found


def noise(size: int) -> Tensor:
    """Three images of noise, (3, 3, size, size) float32, 0..255."""
    generator = torch.Generator().manual_seed(0)
    return 255 * torch.rand((3, 3, size, size), generator=generator)


def compare(name: str, found: np.ndarray | Tensor, expected: np.ndarray | Tensor) -> None:
    """Raise RuntimeError if probabilities differ from the trained network's."""
    difference = float(np.abs(np.asarray(found) - np.asarray(expected)).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"{name}: probabilities differ from the trained network's by {difference}"
        )
