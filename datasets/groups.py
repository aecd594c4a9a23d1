"""What the user knows of images that belong together: a patient, a study, a file's lineage.

Told as `data.group_by`: `filename`, `roboflow`, a CSV file, or a regular expression on the path.
"""

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from datasets.errors import DataError
from datasets.filenames.sources import filename_sources
from datasets.pairs import pair_table

FILENAME = "filename"
ROBOFLOW = "roboflow"
RULES = (FILENAME, ROBOFLOW)
_ROBOFLOW_NAME = re.compile(r"([^/]+)_[A-Za-z]+\.rf[.0-9a-f][^/]*$")


@dataclass(frozen=True)
class Known:
    """`pairs`, and of how many usable images the rule says nothing: they have no group."""

    pairs: pd.DataFrame
    unmatched: int


def known_pairs(manifest: pd.DataFrame, group_by: str | None, root: str) -> Known:
    """Pairs of images that belong together by DICOM patient or by the user's word.

    Args:
        manifest: as `build_manifest` returns it.
        group_by: None; `filename` (see `filename_sources`); `roboflow` (see `roboflow_stem`); the
            path of a `.csv` file with columns path and group; or a regular expression that is
            searched in the path (relative to the root, with `/`): its named group `group`, else its
            first group, else the whole match is the image's group.
        root: the folder that paths are relative to; a CSV may give them from its own folder too.

    Returns:
        `pairs.PAIR_COLUMNS`, kind "user": a star from the smallest image_id of each group, so n
        images make n - 1 pairs; transform tells by what: "patient" or "group".

    Raises:
        DataError: not a regular expression, or one that no image matches; no such CSV, not CSV, a
            missing column, a path that is no image of the data, or one with two groups.
    """
    images = manifest[manifest["problem"] == ""].sort_values("image_id", ignore_index=True)
    pairs = _stars(images["image_id"], images["patient"], "patient")
    unmatched = 0
    if group_by is not None:
        group_of = _rule(group_by, manifest, root)
        groups = images["path"].map(group_of)
        unmatched = int((groups == "").sum())
        if unmatched == len(images) and group_by != FILENAME:
            raise DataError(
                f"data.group_by={group_by!r}: matches none of the {len(images)} images, the first "
                f"of which is {images['path'].min()!r}; mend it or leave it out"
            )
        pairs += _stars(images["image_id"], groups, "group")
    return Known(pair_table(pairs), unmatched)


def check_group_by(group_by: str) -> None:
    """Raises DataError where `group_by` is neither a name, a CSV file nor a regular expression."""
    if group_by not in RULES and not _is_csv(group_by):
        _pattern(group_by)


def roboflow_stem(path: str) -> str:
    """The stem that Roboflow's export gives every copy of one uploaded file; "" for other names.

    `<stem>_<ext>.rf.<hash>.<ext>` -> `<folder>/<stem>_<ext>`, without train/, valid/ or test/.
    What it cannot know: stems such as `image25` or `download` are many pictures, which are then
    held together for nothing; a file that was uploaded twice under two names is not recognised.
    The class's folder is part of the key, so that a stem used in two classes is two lineages.
    """
    found = _ROBOFLOW_NAME.search(path)
    if not found:
        return ""
    folder = Path(path).parent.name
    return f"{folder}/{found.group(1)}"


def _rule(group_by: str, manifest: pd.DataFrame, root: str) -> Callable[[str], str]:
    """From a path to its group, "" for none."""
    if group_by == ROBOFLOW:
        return roboflow_stem
    if group_by == FILENAME:
        sources = filename_sources(manifest["path"])
        return lambda path: sources[path]
    if _is_csv(group_by):
        table = _read_csv(group_by, manifest, root)
        return lambda path: table.get(path, "")
    return pattern_group(_pattern(group_by))


def pattern_group(pattern: re.Pattern[str]) -> Callable[[str], str]:
    """From a path to what the expression's named, first or only group finds in it, "" for none."""

    def search(path: str) -> str:
        found = pattern.search(unicodedata.normalize("NFC", path))
        if not found:
            return ""
        if "group" in pattern.groupindex:
            return found.group("group") or ""
        return found.group(1 if pattern.groups else 0) or ""

    return search


def _is_csv(group_by: str) -> bool:
    return group_by.lower().endswith(".csv")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(unicodedata.normalize("NFC", text))
    except re.error as error:
        raise DataError(
            f"data.group_by={text!r}: not a regular expression ({error}); expected one, a .csv "
            f"file with columns path and group, {' or '.join(RULES)}"
        ) from None


def _read_csv(name: str, manifest: pd.DataFrame, root: str) -> dict[str, str]:
    """Path as in the manifest -> group."""
    where = Path(name).expanduser()
    known = _Paths(manifest["path"])
    table: dict[str, str] = {}
    for number, path, group in _csv_rows(where, f"data.group_by={name!r}"):
        found = _known_path(path, where.parent, Path(root), known)
        place = f"data.group_by={name!r}, line {number}: {path!r}"
        if found is None:
            raise DataError(
                f"{place} is no image of the data; give paths relative to data.path or to the CSV"
            )
        if table.setdefault(found, group) != group:
            raise DataError(f"{place} is in two groups, {table[found]!r} and {group!r}; keep one")
    return table


def _csv_rows(where: Path, name: str) -> list[tuple[int, str, str]]:
    """(line, path, group) of the rows that have a group."""
    try:
        with where.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [c for c in ("path", "group") if c not in (reader.fieldnames or [])]
            if missing:
                raise DataError(
                    f"{name}: no column {' and '.join(missing)}; expected path and group in the "
                    "first line"
                )
            rows = [(reader.line_num, row["path"] or "", row["group"] or "") for row in reader]
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: not a CSV file in UTF-8 ({error})") from None
    return [(line, path.strip(), _composed(group)) for line, path, group in rows if group.strip()]


class _Paths:
    """The manifest's paths, found by any Unicode form: file systems differ in how they store é."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._exact = set(paths)
        self._composed: dict[str, list[str]] = {}
        for path in sorted(self._exact):
            self._composed.setdefault(_composed(path), []).append(path)

    def find(self, path: str) -> str | None:
        """The manifest's spelling; None for an unknown path, and one that fits several files."""
        if path in self._exact:
            return path
        alike = self._composed.get(_composed(path), [])
        return alike[0] if len(alike) == 1 else None


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _known_path(path: str, beside: Path, root: Path, known: _Paths) -> str | None:
    """The manifest's spelling of a path, taken from the root or from the CSV's folder."""
    plain = Path(path.replace("\\", "/")).as_posix()
    if found := known.find(plain):
        return found
    for base in (beside, root):
        try:
            relative = (base / plain).resolve().relative_to(root.resolve()).as_posix()
        except (ValueError, OSError):  # elsewhere
            continue
        if found := known.find(relative):
            return found
    return None


def _stars(
    image_ids: pd.Series, groups: pd.Series, by: str
) -> list[tuple[str, str, str, float, str]]:
    """Each image of a group paired with its first; `image_ids` are sorted, group "" is none."""
    first: dict[str, str] = {}
    pairs = []
    for image_id, group in zip(image_ids, groups, strict=True):
        if group and first.setdefault(group, image_id) != image_id:
            pairs.append((first[group], image_id, "user", 1.0, by))
    return pairs
