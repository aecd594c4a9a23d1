"""The project's own reading of image files, as a package beside an exported `classify.py`.

What training saw and what an exported champion sees is decided by the same source files: those that
`classify.py` imports, and what these import, are copied under another name, so that they neither
need the project nor hide a package called `datasets`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sweeper.use.exported import classify

PACKAGE = "image_preparation"
_OWN = "datasets"
_ROOT = Path(__file__).parents[2]
_IMPORT = re.compile(rf"^(\s*(?:from|import) ){_OWN}(?=[. ])", re.M)


def write_classifier(out: Path) -> list[Path]:
    """Write `classify.py` and the package that it needs; returns the files, `classify.py` first."""
    source = Path(classify.__file__)
    written = [_write(out / source.name, source)]
    for module in sorted(needed_by(source)):
        target = out / PACKAGE / module.relative_to(_ROOT / _OWN)
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(_write(target, module))
    return written


def needed_by(source: Path) -> set[Path]:
    """The files of the project that a file imports, at its top or in its functions, and so on."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        new = set(_imported(waiting.pop())) - found
        found |= new
        waiting += new
    return found


def _imported(source: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == _OWN:
            module = _ROOT.joinpath(*str(node.module).split("."))
            yield module.with_suffix(".py")
            packages = [place for place in module.parents if place.is_relative_to(_ROOT / _OWN)]
            yield from (place / "__init__.py" for place in packages)


def _write(target: Path, source: Path) -> Path:
    text = _IMPORT.sub(rf"\g<1>{PACKAGE}", source.read_text(encoding="utf-8"))
    target.write_text(text, encoding="utf-8")
    return target
