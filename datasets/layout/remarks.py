"""Remarks on the layout of a folder, made before any image is decoded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.layout.file_kinds import PLAIN_SUFFIXES, suffix_of

PATIENTS = "patients"  # kind of remarks on folders that are interpreted as patients


@dataclass(frozen=True)
class Remark:
    """An observation, and what to do about it.

    If `advice` is "", `text` names files left out because they are not images; no action is needed.
    """

    kind: str
    text: str
    advice: str = ""


def others_remarks(names: Sequence[str]) -> list[Remark]:
    """Remarks that count, by extension, the files left out as not being supported images."""
    plain = [name for name in names if suffix_of(name) in PLAIN_SUFFIXES]
    unknown = [name for name in names if suffix_of(name) not in PLAIN_SUFFIXES]
    remarks = []
    if unknown:
        text = f"{files(len(unknown))} of unsupported types left out ({counted(unknown)})"
        remarks.append(Remark("left_out", text, "save the images among them as PNG or TIFF"))
    if plain:
        remarks.append(
            Remark("other_files", f"{files(len(plain))} without images ({counted(plain)})")
        )
    return remarks


def counted(names: Sequence[str], most: int = 6) -> str:
    """Count files by extension, most frequent first: `12 .txt, 1 without extension`."""
    kinds = Counter(suffix_of(name) or "without extension" for name in names).most_common()
    parts = [f"{number} {kind}" for kind, number in kinds[:most]]
    rest = sum(number for _, number in kinds[most:])
    return ", ".join(parts + ([f"{rest} others"] if rest else []))


def files(number: int) -> str:
    return f"{number} file" if number == 1 else f"{number} files"


def images(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"
