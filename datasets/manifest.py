"""The table of all images: what each is, by content, and which cannot be used and why.

`image_id` is the sha256 of the file's bytes, so that nothing downstream depends on a path. Decoding
every file once costs seconds per thousand images and finds the broken ones before the sweep does;
what it gives can be kept (`Description`), since it follows from the bytes alone.
"""

import hashlib
from collections.abc import Mapping

import pandas as pd

from datasets.decoding.describe import Description
from datasets.decoding.readers import WORKERS, describe_files
from datasets.errors import DataError
from datasets.sources import ImageFile

COLUMNS = (
    "image_id",
    "path",
    "origin",
    "class",
    "width",
    "height",
    "bytes",
    "pixel_hash",
    "contrast",
    "patient",
    "group",
    "problem",
)
MIN_IMAGES_PER_CLASS = 3
_REASONS_SHOWN = 3


def build_manifest(root: str, files: list[ImageFile], workers: int = WORKERS) -> pd.DataFrame:
    """The manifest of files below `root`, each read and decoded once by at most so many processes.

    `files`: as `list_folder` returns them. Returns what `manifest_of` returns.
    """
    paths = [file.path for file in files if not file.problem]
    read = describe_files(root, paths, workers)
    return manifest_of(files, {path: described.description for path, described in read})


def manifest_of(files: list[ImageFile], described: Mapping[str, Description]) -> pd.DataFrame:
    """The table of all files.

    Args:
        files: as `list_folder` returns them.
        described: by path, each file that may be read.

    Returns:
        `COLUMNS`, one row per file, sorted by path. `image_id` is the sha256 (hex) of the bytes;
        where the same bytes occur again (in order of class, path) "-2", "-3", ... is appended.
        `width` and `height` are pixels as displayed (EXIF orientation applied); `pixel_hash` is the
        sha256 (hex) of the decoded RGB pixels and their shape, "" where there are none; `contrast`
        is `describe.Description`'s; `patient`
        is `dicom.patient_hash` of whose picture it is, "" for all but DICOM files; `group` is the
        image itself until `duplicates.with_groups` fills it. A file that cannot be used keeps its
        row, with the reason in `problem` ("" otherwise).
    """
    rows = [_row(file, described) for file in files]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values(["class", "path"], ignore_index=True)
    earlier = table.groupby("image_id").cumcount()  # 0 for the first file with these bytes
    table["image_id"] += earlier.map(lambda n: f"-{n + 1}" if n else "")
    table["group"] = table["image_id"]
    return table.sort_values("path", ignore_index=True)


def usable(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows without a problem, index reset."""
    return manifest[manifest["problem"] == ""].reset_index(drop=True)


def check_problems(manifest: pd.DataFrame, on_error: str = "exclude") -> None:
    """Raise DataError where the unreadable files are too many to go on without them.

    Args:
        manifest: as `build_manifest` returns it.
        on_error: `stop` where one is too many; `exclude` where a class that loses some must keep
            `MIN_IMAGES_PER_CLASS`: one for each of training, validation and test.
    """
    problems = manifest[manifest["problem"] != ""]
    if on_error == "stop" and len(problems):
        raise DataError(
            f"data.on_error=stop: {len(problems)} of {len(manifest)} files cannot be used: "
            f"{_first_reasons(problems)}; repair or remove them, or set data.on_error: exclude"
        )
    good = usable(manifest)["class"].value_counts()
    for class_name, bad in problems.groupby("class"):
        count = int(good.get(class_name, 0))
        if count < MIN_IMAGES_PER_CLASS:
            raise DataError(
                f"class '{class_name}': {count} usable images of {count + len(bad)} files: "
                f"{_first_reasons(bad)}; expected {MIN_IMAGES_PER_CLASS} or more; repair them, add "
                "some or remove the class"
            )


def _first_reasons(problems: pd.DataFrame) -> str:
    """The first files with their reasons, and how many more there are, on one line."""
    first = problems.head(_REASONS_SHOWN)
    reasons = [
        f"{path!r} ({why})" for path, why in zip(first["path"], first["problem"], strict=True)
    ]
    more = len(problems) - len(first)
    return ", ".join(reasons) + (f" and {more} more" if more else "")


def manifest_hash(manifest: pd.DataFrame) -> str:
    """sha256 (hex) over the sorted (image_id, class) of the usable rows: content, never a path."""
    rows = usable(manifest)
    digest = hashlib.sha256()
    for image_id, class_name in sorted(zip(rows["image_id"], rows["class"], strict=True)):
        digest.update(f"{image_id}\0{class_name}\n".encode())
    return digest.hexdigest()


def content_hash(image_id: str) -> str:
    """The sha256 (hex) of the bytes of a usable image, from its id."""
    return image_id.partition("-")[0]


def _row(file: ImageFile, described: Mapping[str, Description]) -> dict[str, str | int | float]:
    read = Description(problem=file.problem) if file.problem else described[file.path]
    instead = hashlib.sha256(file.path.encode()).hexdigest()  # where the bytes cannot be had
    return {
        "image_id": read.content_hash or instead,
        "path": file.path,
        "origin": file.origin,
        "class": file.class_name,
        "width": read.width,
        "height": read.height,
        "bytes": read.size,
        "pixel_hash": read.pixel_hash,
        "contrast": read.contrast,
        "patient": read.patient,
        "group": "",
        "problem": read.problem,
    }
