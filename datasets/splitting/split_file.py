"""A split that is read from a file, so that others train and test on exactly the same images.

The file is CSV or Parquet with a line per image, or per image and copy:

    image_id | sha256   of the file's content (`image_id` also tells identical files apart)
    part                train, val or test
    copy, split_policy, scenario, repeat, fold, augmentation or augmented     each optional

A run's `results/splits.parquet` is such a file. What a column names is filtered by; a column that
is not there holds for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from datasets.errors import DataError
from datasets.splits import images_of, rows_with_copies, sorted_rows
from datasets.splitting.given import check_classes, take_validation

_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NUMBERS = ("copy", "repeat", "fold")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class SplitPoint:
    """The place in the grid that a split is wanted for."""

    scenario: str
    repeat: int  # 1..r: another drawing
    fold: int  # 0: no folds
    folds: int  # 0: no folds
    augmented: bool
    augmentation: str = ""


def read_split_file(path: str, policy: str | None = None) -> pd.DataFrame:
    """Read a split file and check each column by itself.

    Args:
        path: a local .csv or .parquet file.
        policy: the `split_policy` to take; needed where the file has more than one.

    Returns:
        The columns that the file has of those known, `part` spelled as in `PARTS`, numbers as
        int64, `augmented` as bool, texts as str.

    Raises:
        DataError: one line, for a file that cannot be read, a column that is missing, a value
            that it cannot have, or a policy that is not there or not named.
    """
    table = _read(path)
    identity = [name for name in ("image_id", "sha256") if name in table]
    if "part" not in table or not identity:
        raise _wrong(path, "expected a column part and a column image_id or sha256")
    if table.empty:
        raise _wrong(path, "it has no lines")
    table = table.assign(part=_mapped(path, table, "part", _PARTS))
    for name in _NUMBERS:
        if name in table:
            table[name] = _whole(path, table, name)
    if "augmented" in table:
        table["augmented"] = _mapped(path, table, "augmented", _TRUTHS)
    table[identity[0]] = table[identity[0]].str.strip().str.lower()
    return _of_policy(path, table, policy)


def file_rows(
    table: pd.DataFrame,
    path: str,
    manifest: pd.DataFrame,
    classes: Sequence[str],
    at: SplitPoint,
    *,
    seed: int,
    copies: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    unlisted: str = "stop",
) -> pd.DataFrame:
    """The split that the file has for one point of the grid.

    Where the file parts whole images, training images get copies 0..K whatever copies it lists;
    a part "val" that it lacks is drawn from train (`given.take_validation`). Where it parts copies
    by themselves, as a `pooled` split does, its rows are taken as they are.

    Args:
        table: as `read_split_file` returns it; `path` names it in messages.
        manifest: columns image_id, class; one row per usable image.
        classes: the scenario's class names.
        at: what the table is filtered by.
        seed: of the validation part, where it is drawn.
        copies: augmented copies per image (K); 0 where the cell is not augmented.
        fractions: as for `given.given_rows`.
        unlisted: "stop" or "leave_out": refuse images of the data that the file does not list, or
            leave them out of all parts.

    Returns:
        As `splits.split_rows`.

    Raises:
        DataError: one line with counts, for a point that the file does not have, an image in two
            parts, images that are in one of file and data only, a class that is missing in train
            or test, or copies that are not the run's.
    """
    images = images_of(manifest, classes)
    chosen = _identified(_at(path, table, at), path, manifest)
    # Without a column scenario, the file may have images of other classes than these.
    _check_known(path, set(chosen["image_id"]), images if "scenario" in table else manifest)
    chosen = chosen[chosen["image_id"].isin(images["image_id"])]
    images = _listed(path, images, set(chosen["image_id"]), unlisted)
    if _parts_copies(chosen):
        return _every_row(path, chosen, images, copies, at.augmentation)
    part_of = _part_of(path, chosen)
    check_classes(part_of, images, f"split.file={path!r}")
    return rows_with_copies(take_validation(part_of, images, seed, classes, fractions), copies)


# --- reading -------------------------------------------------------------------------------------


def _wrong(path: str, what: str) -> DataError:
    return DataError(f"split.file={path!r}: {what}")


def _read(path: str) -> pd.DataFrame:
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise _wrong(path, "expected a .csv or .parquet file")
    try:
        if suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        else:
            table = pd.read_parquet(path).astype(str)
    except FileNotFoundError:
        raise _wrong(path, "no such file") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _wrong(path, f"cannot be read: {' '.join(str(error).split())}") from None
    return table.rename(columns=lambda name: str(name).strip().lower())


def _mapped(path: str, table: pd.DataFrame, name: str, values: Mapping[str, Any]) -> Any:
    texts = table[name].str.strip().str.lower()
    unknown = sorted(set(texts) - set(values))
    if unknown:
        raise _wrong(path, f"{name}={unknown[0]!r}: expected one of {', '.join(values)}")
    return texts.map(values)


def _whole(path: str, table: pd.DataFrame, name: str) -> Any:
    wrong = table.loc[~table[name].str.strip().str.fullmatch(r"-?\d{1,18}"), name]
    if len(wrong):
        raise _wrong(path, f"{name}={wrong.iloc[0]!r}: expected a whole number")
    return table[name].astype("int64")


def _of_policy(path: str, table: pd.DataFrame, policy: str | None) -> pd.DataFrame:
    if "split_policy" not in table:
        return table
    there = sorted(table["split_policy"].unique())
    wanted = policy or (there[0] if len(there) == 1 else None)
    if wanted is None:
        raise _wrong(path, f"it has the splits {', '.join(there)}; choose one by split.file_policy")
    if wanted not in there:
        raise _wrong(path, f"it has no split {wanted!r}; it has {', '.join(there)}")
    return table[table["split_policy"] == wanted]


# --- choosing ------------------------------------------------------------------------------------


def _at(path: str, table: pd.DataFrame, at: SplitPoint) -> pd.DataFrame:
    """The lines for one point of the grid."""
    _check_folds(path, table, at)
    for name, value in (("scenario", at.scenario), ("repeat", at.repeat), ("fold", at.fold)):
        if name in table:
            there = sorted(table[name].unique().tolist())
            table = table[table[name] == value]
            if table.empty:
                raise _wrong(
                    path, f"nothing for {name} {value!r}; it has {', '.join(map(str, there))}"
                )
    for name, value in (("augmentation", at.augmentation), ("augmented", at.augmented)):
        if name in table and (table[name] == value).any():
            return table[table[name] == value]
    return table


def _check_folds(path: str, table: pd.DataFrame, at: SplitPoint) -> None:
    there = sorted(set(table["fold"].tolist()) - {0}) if "fold" in table else []
    if there != list(range(1, at.folds + 1)):
        found = f"folds {', '.join(map(str, there))}" if there else "no folds"
        wanted = f"split.folds={at.folds}" if at.folds else "split.folds is not set"
        raise _wrong(path, f"it has {found}, and {wanted}; set split.folds to what the file has")


def _identified(table: pd.DataFrame, path: str, manifest: pd.DataFrame) -> pd.DataFrame:
    """The table by image_id: of a sha256, every image with that content."""
    if "image_id" in table:
        return table
    content = manifest["image_id"].str.partition("-")[0]
    images = pd.DataFrame({"sha256": content, "image_id": manifest["image_id"]})
    joined = table.merge(images, on="sha256", how="left")
    return joined.assign(image_id=joined["image_id"].fillna(joined["sha256"]))


def _check_known(path: str, listed: set[str], images: pd.DataFrame) -> None:
    strangers = len(listed - set(images["image_id"]))
    if strangers:
        raise _wrong(
            path,
            f"{strangers} of its {len(listed)} images are not among the {len(images)} of the data; "
            "images are named by their content, so give the very files that it was made of",
        )


def _listed(path: str, images: pd.DataFrame, listed: set[str], unlisted: str) -> pd.DataFrame:
    missing = int((~images["image_id"].isin(listed)).sum())
    if missing and unlisted == "stop":
        raise _wrong(
            path,
            f"{missing} of the {len(images)} images of the data are not in it; take them out of "
            "the folder, or say split.file_unlisted=leave_out",
        )
    left = images[images["image_id"].isin(listed)]
    for class_name in sorted(set(images["class"]) - set(left["class"])):
        raise _wrong(path, f"no image of class {class_name!r} is in it; leave the class out")
    return left


def _parts_copies(chosen: pd.DataFrame) -> bool:
    """Whether copies of an image are parted by themselves."""
    if "copy" not in chosen:
        return False
    outside = chosen[chosen["part"] != "train"]
    several = chosen.groupby("image_id")[["part", "copy"]].nunique()
    split = (several["part"] > 1) & (several["copy"] > 1)
    return bool((outside["copy"] > 0).any() or split.any())


def _part_of(path: str, chosen: pd.DataFrame) -> dict[str, str]:
    parts = chosen.groupby("image_id")["part"].nunique()
    if (parts > 1).any():
        raise _wrong(path, f"{int((parts > 1).sum())} images are in more than one part")
    return dict(zip(chosen["image_id"], chosen["part"], strict=True))


def _every_row(
    path: str, chosen: pd.DataFrame, images: pd.DataFrame, copies: int, augmentation: str
) -> pd.DataFrame:
    """Rows of copies parted by themselves; every image has to have all of the run's, once."""
    rows = chosen[["image_id", "copy", "part"]].drop_duplicates()
    twice = int(rows.duplicated(["image_id", "copy"]).sum())
    if twice:
        raise _wrong(path, f"{twice} copies of images are in more than one part")
    wanted = {(i, copy) for i in images["image_id"] for copy in range(copies + 1)}
    found = set(zip(rows["image_id"], rows["copy"], strict=True))
    if found != wanted:
        raise _wrong(
            path,
            f"it parts copies 0 to {rows['copy'].max()} of images by themselves, and the run has "
            f"{copies} (augmentations.{augmentation}.copies): {len(wanted - found)} rows are "
            f"missing, {len(found - wanted)} are not the run's",
        )
    check = rows.drop_duplicates(["image_id", "part"])
    for part in ("train", "val", "test"):
        if part not in set(check["part"]):
            raise _wrong(path, f"there is no {part} part")
    return sorted_rows(rows)
