"""Classify folder and file names: layers of a split, masks, images, patients.

Only names are considered here; `structure` decides what follows from them.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import PurePath

TRAIN, VAL, TEST, FOLD = "train", "val", "test", "fold"
_PARTS = {
    **dict.fromkeys(("train", "training", "trn"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), VAL),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation"), TEST),
}
_FILLERS = frozenset(
    {"set", "sets", "data", "dataset", "split", "folder", "file", "files", "img", "imgs", "image"}
    | {"images", "pic", "pics", "picture", "pictures", "photo", "photos", "the", "my"}
)
_COMPOUND = re.compile(
    r"^(train|training|test|testing|val|valid|validation)(set|data|images|imgs)$"
)
_FOLD = re.compile(r"^(?:k?fold|cv|split|partition)[\W_]*\d+$|^\d+[\W_]*fold$", re.IGNORECASE)
_IMAGE_WORDS = frozenset(
    {"image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "original"}
    | {"originals", "raw", "jpegimages", "scans", "scan", "xray", "xrays"}
)
_MASK_WORDS = frozenset(
    {"mask", "masks", "label", "labels", "seg", "segs", "segmentation", "segmentations", "gt"}
    | {"groundtruth", "annotation", "annotations", "annot", "annots", "contour", "contours"}
    | {"overlay", "overlays", "heatmap", "heatmaps", "segmap", "segmaps", "truth"}
    | {"labelcol", "annotated", "superpixels", "lesionmask", "segmentationclass"}
)
_NOT_MASK_WORDS = frozenset({"with", "without", "no", "non", "not", "wearing", "face", "incorrect"})
_MASK_MARK = (
    r"(?:mask|masks|seg|segm|segmentation|label|labels|gt|groundtruth|ground[-_ ]truth|annotation"
    r"|annotated|contour|overlay|lesion|superpixels|labelcol)"
)
_MASK_SUFFIX = re.compile(
    rf"^(?P<stem>.+?)[-_. ]+{_MASK_MARK}(?:[-_. ]*\(?\d+\)?)?$", re.IGNORECASE
)
_MASK_PREFIX = re.compile(rf"^{_MASK_MARK}[-_. ]+(?P<stem>.+)$", re.IGNORECASE)
_PATIENT = re.compile(
    r"^(?:patients?|pat|pt|p|case|subjects?|subj|sub|s|study|person|participant|volunteer|donor"
    r"|animal|mouse|specimen|slide|mrn|pid|id|tcga)[\W_]*[a-z]?\d[\w-]*$",
    re.IGNORECASE,
)
_CODE = re.compile(r"^(?=(?:\D*\d){2})[A-Za-z0-9][\w-]*$")  # with two or more digits
_LABELS = (
    {"benign", "malignant", "normal", "abnormal", "positive", "negative", "pos", "neg", "healthy"}
    | {"yes", "no", "true", "false", "0", "1", "control", "disease", "diseased", "sick", "cancer"}
    | {"tumor", "tumour", "infected", "uninfected", "parasitized"}
)


def part_of_layer(name: str) -> str | None:
    """The part of a split that a folder's name denotes: `train`, `val`, `test`, or None.

    Ignores case, numbers and words such as set or images: `Training`, `test_set`, `01 val`.
    """
    words = [_COMPOUND.sub(r"\1", word) for word in _words(name)]
    parts = [word for word in words if word not in _FILLERS]
    return _PARTS.get(parts[0]) if len(parts) == 1 else None


def layer_of(name: str) -> str | None:
    """As `part_of_layer`, and `fold` for a numbered fold: `fold1`, `Fold_0`, `cv-3`."""
    plain = name.strip()
    return FOLD if _FOLD.match(plain) else part_of_layer(plain)


def is_image_folder(name: str) -> bool:
    """Whether a folder's name only says that it contains images."""
    words = _words(name)
    return bool(words) and set(words) <= _IMAGE_WORDS | _FILLERS


def is_mask_folder(name: str) -> bool:
    """Whether a folder's name denotes masks or annotations; `with_mask` and `no mask` do not."""
    words = set(_words(name)) | {"".join(_words(name))}
    return bool(words & _MASK_WORDS) and not words & _NOT_MASK_WORDS


def without_mask_words(name: str) -> str:
    """Remove the mask and image words: `COVID_masks` and `COVID images` both become `covid`."""
    return " ".join(w for w in _words(name) if w not in _MASK_WORDS | _IMAGE_WORDS)


def mask_files(names: Collection[str]) -> set[str]:
    """The files of a folder that are masks of others in it: `1_mask.png` beside `1.png`."""
    stems = {PurePath(name).stem.casefold() for name in names}
    return {name for name in names if masked_stem(name) in stems}


def masked_stem(name: str) -> str | None:
    """The stem of the image that a file would be the mask of, or None."""
    stem = PurePath(name).stem
    found = _MASK_SUFFIX.match(stem) or _MASK_PREFIX.match(stem)
    return found["stem"].casefold() if found else None


def are_patients(folders: Collection[str], below: Collection[str]) -> bool:
    """Whether folders are patients, by their names and those of the folders below.

    Names such as patient01 or case-7 are; numbers and codes only if the folders below are named
    like classes (benign, malignant; 0, 1).
    """
    if len(folders) < 2 or all(_PATIENT.match(name.strip()) for name in below):
        return False
    if all(_PATIENT.match(name.strip()) for name in folders):
        return True
    are_codes = len(folders) > len(below) and all(_CODE.match(name.strip()) for name in folders)
    return are_codes and bool({name.strip().casefold() for name in below} & _LABELS)


def are_numbered(names: Collection[str]) -> bool:
    """Whether names number patients, cases or other things, and are not labels such as 0, 1."""
    if {name.strip().casefold() for name in names} <= _LABELS:
        return False
    return all(_PATIENT.match(name.strip()) or name.strip().isdigit() for name in names)


def named(names: Iterable[str], most: int = 5) -> str:
    """The first names, and the number of the others: `a, b and 3 more`."""
    listed = list(names)
    text = ", ".join(listed[:most])
    return f"{text} and {len(listed) - most} more" if len(listed) > most else text


def _words(name: str) -> list[str]:
    """The lower-case words of a name, without numbers: `Lung_Masks2` -> lung, masks."""
    plain = unicodedata.normalize("NFKC", name)
    plain = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[^\W\d_]+", plain.casefold())
