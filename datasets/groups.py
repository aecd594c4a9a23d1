"""Groups declared by the user or by DICOM: images of one patient, study or original file.

`data.group_by` is `filename`, `roboflow`, a CSV file, or a regular expression on the path.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from datasets.errors import DataError
from datasets.filenames.sources import filename_sources
from datasets.group_file import is_group_file, read_group_file
from datasets.layout.remarks import Remark
from datasets.pairs import pair_table

FILENAME = "filename"
ROBOFLOW = "roboflow"
RULES = (FILENAME, ROBOFLOW)
_ROBOFLOW_NAME = re.compile(r"([^/]+)_[A-Za-z]+\.rf[.0-9a-f][^/]*$")


@dataclass(frozen=True)
class KnownPairs:
    """`pairs`; how many usable images rule and table leave without a group; remarks about them."""

    pairs: pd.DataFrame
    unmatched: int
    remarks: tuple[Remark, ...] = ()


def known_pairs(
    manifest: pd.DataFrame,
    group_by: str | None,
    root: str,
    table: Mapping[str, str] | None = None,
) -> KnownPairs:
    """Pairs of images that belong together by DICOM patient, a table of labels or the user's rule.

    Args:
        manifest: as `build_manifest` returns it.
        group_by: None; `filename` (see `filename_sources`); `roboflow` (see `roboflow_stem`); the
            path of a `.csv` file with columns path and group; or a regular expression searched in
            the path (relative to the root, with `/`): its named group `group`, else its first
            group, else the whole match is the image's group.
        root: the folder that paths are relative to; paths in a CSV file may also be relative to
            its own folder.
        table: the group of each path in a table of labels, "" for none.

    Returns:
        Pairs with `pairs.PAIR_COLUMNS`, kind "user": a star from the smallest image_id of each
        group, so n images make n - 1 pairs; transform is the origin: "patient" or "group".

    Raises:
        DataError: an invalid regular expression, or one that no image matches; also as
            `read_group_file`.
    """
    images = manifest[manifest["problem"] == ""].sort_values("image_id", ignore_index=True)
    pairs = _stars(images["image_id"], images["patient"], "patient")
    ungrouped = pd.Series(table is not None or group_by is not None, index=images.index)
    remarks: tuple[Remark, ...] = ()
    if table is not None:
        groups = images["path"].map(_lookup(table))
        ungrouped &= groups == ""
        pairs += _stars(images["image_id"], groups, "group")
    if group_by is not None:
        if is_group_file(group_by):
            listed = read_group_file(group_by, manifest["path"], root)
            group_of, remarks = _lookup(listed.groups), listed.remarks
        else:
            group_of = _rule(group_by, manifest)
        groups = images["path"].map(group_of)
        if (groups == "").all() and group_by != FILENAME:
            raise DataError(
                f"data.group_by={group_by!r}: matches none of the {len(images)} images, the first "
                f"of which is {images['path'].min()!r}; correct or remove it"
            )
        ungrouped &= groups == ""
        pairs += _stars(images["image_id"], groups, "group")
    return KnownPairs(pair_table(pairs), int(ungrouped.sum()), remarks)


def check_group_by(group_by: str) -> None:
    """Raise DataError unless `group_by` is a known rule, a CSV file or a regular expression."""
    if group_by not in RULES and not is_group_file(group_by):
        _pattern(group_by)


def roboflow_stem(path: str) -> str:
    """The stem that Roboflow's export gives every copy of one uploaded file; "" for other names.

    `<stem>_<ext>.rf.<hash>.<ext>` -> `<folder>/<stem>_<ext>`, without train/, valid/ or test/.
    Limits: generic stems such as `image25` or `download` may be many images, which are then grouped
    needlessly; a file uploaded under two names is not recognised. The class's folder is part of the
    key, so a stem used in two classes makes two groups.
    """
    found = _ROBOFLOW_NAME.search(path)
    if not found:
        return ""
    folder = Path(path).parent.name
    return f"{folder}/{found.group(1)}"


def _lookup(groups: Mapping[str, str]) -> Callable[[str], str]:
    return lambda path: groups.get(path, "")


def _rule(group_by: str, manifest: pd.DataFrame) -> Callable[[str], str]:
    """A function from a path to its group, "" for none."""
    if group_by == ROBOFLOW:
        return roboflow_stem
    if group_by == FILENAME:
        return _lookup(filename_sources(manifest["path"]))
    return pattern_group(_pattern(group_by))


def pattern_group(pattern: re.Pattern[str]) -> Callable[[str], str]:
    """A function from a path to the match of the expression's named, first or only group, or ""."""

    def search(path: str) -> str:
        found = pattern.search(unicodedata.normalize("NFC", path))
        if not found:
            return ""
        if "group" in pattern.groupindex:
            return found.group("group") or ""
        return found.group(1 if pattern.groups else 0) or ""

    return search


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(unicodedata.normalize("NFC", text))
    except re.error as error:
        raise DataError(
            f"data.group_by={text!r}: not a regular expression ({error}); expected one, a .csv "
            f"file with columns path and group, {' or '.join(RULES)}"
        ) from None


def _stars(
    image_ids: pd.Series, groups: pd.Series, by: str
) -> list[tuple[str, str, str, float, str]]:
    """Pair each image of a group with its first; `image_ids` are sorted, group "" is none."""
    first: dict[str, str] = {}
    pairs = []
    for image_id, group in zip(image_ids, groups, strict=True):
        if group and first.setdefault(group, image_id) != image_id:
            pairs.append((first[group], image_id, "user", 1.0, by))
    return pairs
