"""ONNX Runtime Web, as npm installs it into the checkout: its engine, loader and licences."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import StoreError

_CHECKOUT = Path(__file__).resolve().parents[3]
PACKAGE = _CHECKOUT / "node_modules" / "onnxruntime-web"
_SCRIPT = "dist/ort.wasm.min.js"
_LOADER = "dist/ort-wasm-simd-threaded.mjs"
_WASM = "dist/ort-wasm-simd-threaded.wasm"
_LICENCES = ("LICENSE", "ThirdPartyNotices.txt")


@dataclass(frozen=True)
class Runtime:
    """`script` is a classic script that defines `ort`; `loader` the module that it imports;
    `wasm` the engine for the CPU."""

    version: str
    script: str
    loader: bytes
    wasm: bytes
    licences: str


def check_runtime() -> None:
    """Raise StoreError if npm has not installed ONNX Runtime Web."""
    missing = [name for name in (_SCRIPT, _LOADER, _WASM) if not (PACKAGE / name).exists()]
    if missing:
        raise StoreError(
            f"--web: needs ONNX Runtime Web ({PACKAGE / missing[0]} is missing); install npm "
            f"(https://nodejs.org) and run: make -C {_CHECKOUT} web"
        )


def read_runtime() -> Runtime:
    """Read the files. npm's package lacks the licences, which the Python package of the same
    project contains."""
    about = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
    found = importlib.util.find_spec("onnxruntime")
    assert found is not None
    assert found.origin is not None
    python_package = Path(found.origin).parent
    texts = [(python_package / name).read_text(encoding="utf-8") for name in _LICENCES]
    script = (PACKAGE / _SCRIPT).read_text(encoding="utf-8")
    return Runtime(
        version=str(about["version"]),
        script="\n".join(line for line in script.splitlines() if "sourceMappingURL" not in line),
        loader=(PACKAGE / _LOADER).read_bytes(),
        wasm=(PACKAGE / _WASM).read_bytes(),
        licences="\n\n".join([f"ONNX Runtime Web {about['version']}", *texts]),
    )
