"""Bundle the project's image-reading code with an exported `classify.py`.

Training and an exported champion preprocess images with the same source files: those that
`classify.py` imports, directly or indirectly, are copied into a package of another name, so that
they neither need the project nor shadow another package called `datasets`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sweeper.use.exported import classify

PACKAGE = "image_preparation"
_SOURCE = "datasets"
_ROOT = Path(__file__).parents[2]
_IMPORT = re.compile(rf"^(\s*(?:from|import) ){_SOURCE}(?=[. ])", re.M)


def write_classifier(out: Path) -> list[Path]:
    """Write `classify.py` and the package it needs; returns the files, `classify.py` first."""
    source = Path(classify.__file__)
    written = [_write(out / source.name, source)]
    for module in sorted(dependencies(source)):
        target = out / PACKAGE / module.relative_to(_ROOT / _SOURCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(_write(target, module))
    return written


def dependencies(source: Path) -> set[Path]:
    """The project's files that a file imports, directly or indirectly, also within functions."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        new = set(_imported(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def _imported(source: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _SOURCE:
            module = _ROOT.joinpath(*str(node.module).split("."))
            yield module.with_suffix(".py")
            packages = [path for path in module.parents if path.is_relative_to(_ROOT / _SOURCE)]
            yield from (path / "__init__.py" for path in packages)


def _write(target: Path, source: Path) -> Path:
    text = _IMPORT.sub(rf"\g<1>{PACKAGE}", source.read_text(encoding="utf-8"))
    target.write_text(text, encoding="utf-8")
    return target
