"""What was noticed about a folder before any image was decoded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.layout.file_kinds import PLAIN_SUFFIXES, suffix_of

PATIENTS = "patients"  # the kind of what is said of folders that are taken for patients


@dataclass(frozen=True)
class Remark:
    """One thing that was noticed, and what to do about it.

    Where `advice` is "", `text` names what is left out as no image, and there is nothing to do.
    """

    kind: str
    text: str
    advice: str = ""


def others_remarks(names: Sequence[str]) -> list[Remark]:
    """What is left out because it is no image that is read here, counted by extension."""
    plain = [name for name in names if suffix_of(name) in PLAIN_SUFFIXES]
    unknown = [name for name in names if suffix_of(name) not in PLAIN_SUFFIXES]
    remarks = []
    if unknown:
        text = f"{files(len(unknown))} of kinds that are not read left out ({counted(unknown)})"
        remarks.append(Remark("left_out", text, "save the pictures among them as PNG or TIFF"))
    if plain:
        remarks.append(
            Remark("other_files", f"{files(len(plain))} without pictures ({counted(plain)})")
        )
    return remarks


def counted(names: Sequence[str], most: int = 6) -> str:
    """Files by extension, the most frequent first: `12 .txt, 1 without extension`."""
    kinds = Counter(suffix_of(name) or "without extension" for name in names).most_common()
    parts = [f"{number} {kind}" for kind, number in kinds[:most]]
    rest = sum(number for _, number in kinds[most:])
    return ", ".join(parts + ([f"{rest} of other kinds"] if rest else []))


def files(number: int) -> str:
    return f"{number} file" if number == 1 else f"{number} files"


def images(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"
