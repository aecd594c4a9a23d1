"""Transforms of images by name, from albumentations; no other module imports that library.

A transform is `{name: arguments}`, as in `{"Rotate": {"limit": 10}}`. Sizes are left out of the
arguments: a transform gets the size of the image, so copies keep their shape.
"""

import difflib
import inspect
import json
import os
import random
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Transform = Mapping[str, Mapping[str, Any]]

_CHOICES = ("OneOf", "SomeOf", "Sequential")  # they contain a list of transforms
_SIZE = "size"  # of the result; the image's own
_BASES = ("BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D", "NoOp")
_NEED_OTHER_INPUTS = ("metadata_key", "reference_images", "templates")
_SOME_SIDE, _TRIES = 224, 4
_CROSS = np.array([[112.0, 112.0], [120.0, 112.0], [112.0, 120.0]])  # centre, to its right, below
_DRAWS_OF_MOTION = 200
_NO_MOTION = 1e-6  # px
_local = threading.local()  # pipelines keep state between calls


def transformed(transforms: str, image: Image, seed: int) -> Image:
    """Apply transforms, a JSON list, to an image (N, N, 3) uint8; the seed alone decides how."""
    pipelines: dict[tuple[str, int], Any] = _local.__dict__.setdefault("pipelines", {})
    known = transforms, image.shape[0]
    if known not in pipelines:
        pipelines[known] = _pipeline(json.loads(transforms), image.shape[0])
    return _drawn(pipelines[known], image, seed)


def check_transform(transform: Any) -> None:
    """Raise ValueError, in one line, for an unknown transform or an invalid argument."""
    if not isinstance(transform, Mapping) or len(transform) != 1:
        raise ValueError("expected one transform with its arguments, as in {Rotate: {limit: 10}}")
    ((name, arguments),) = transform.items()
    if name not in _names():
        rule = "expected a transform of albumentations for single images, such as HorizontalFlip"
        raise ValueError(f"'{name}'{_similar(name, _names())}: {rule}")
    if not isinstance(arguments, Mapping):
        raise ValueError(f"'{name}': expected arguments, as in {{{name}: {{p: 0.5}}}}")
    _check_names(name, arguments)
    if name in _CHOICES:
        inner = arguments.get("transforms")
        if not isinstance(inner, list) or not inner:
            raise ValueError(f"'{name}': transforms: expected a list of transforms")
        for one in inner:
            check_transform(one)
    _built(transform, _SOME_SIDE)


def check_on_an_image(transform: Transform, side: int) -> None:
    """Raise ValueError, in one line, where a transform cannot make copies of an image of `side`
    px: it fails, changes shape or dtype, or does not follow its seed."""
    ((name, arguments),) = transform.items()
    for inner in arguments.get("transforms", ()) if name in _CHOICES else ():
        check_on_an_image(inner, side)
    always = {} if name in _CHOICES else {"p": 1.0}
    pipeline = _pipeline([{name: {**arguments, **always}}], side)
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    for seed in range(_TRIES):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                copies = [_drawn(pipeline, image.copy(), seed) for _ in range(2)]
        except Exception as error:  # whatever the library raises
            raise ValueError(f"'{name}': fails on an image: {_first_line(error)}") from None
        if copies[0].shape != image.shape or copies[0].dtype != np.uint8:
            made = f"{copies[0].dtype} {copies[0].shape}"
            raise ValueError(
                f"'{name}': makes {made} of uint8 {image.shape}; copies must keep shape and dtype"
            )
        if not np.array_equal(copies[0], copies[1]):
            raise ValueError(
                f"'{name}': makes other pixels at every call; copies must be repeatable"
            )


@dataclass(frozen=True)
class Motion:
    """What a transform does to directions at the centre of the image, over many draws.

    Shares of the copies: `swaps_sides` points right to the left, `upside_down` points down upwards,
    `mirrors` changes handedness, `half_turns` reverses both directions without mirroring. `tilt` is
    the largest angle between the vertical axis before and after, degrees, 0..90.
    """

    swaps_sides: float
    upside_down: float
    mirrors: float
    half_turns: float
    tilt: float


def motion(transform: Transform) -> Motion:
    """Measure how a transform moves three points."""
    library = _library()
    points = library.KeypointParams(format="xy", remove_invisible=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a transform of colours moves no points
        built = _built(_with_constant_border(transform), _SOME_SIDE)
        pipeline = library.Compose([built], keypoint_params=points)
        moved = [_moved_cross(pipeline, seed) for seed in range(_DRAWS_OF_MOTION)]
    right, down = (np.array([one[i] for one in moved]) for i in (0, 1))  # (draws, 2) each
    cosine = down[:, 1] / np.maximum(np.linalg.norm(down, axis=1), 1e-9)
    handedness = right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]
    return Motion(
        swaps_sides=float((right[:, 0] < -_NO_MOTION).mean()),
        upside_down=float((down[:, 1] < -_NO_MOTION).mean()),
        mirrors=float((handedness < -_NO_MOTION).mean()),
        half_turns=float((np.maximum(right[:, 0], down[:, 1]) < -_NO_MOTION).mean()),
        tilt=float(np.degrees(np.arccos(np.clip(np.abs(cosine), 0, 1))).max()),
    )


def _with_constant_border(transform: Transform) -> Transform:
    """The same, without the further images of each point that reflected borders make."""
    ((name, arguments),) = transform.items()
    changed = dict(arguments)
    if name in _CHOICES:
        changed["transforms"] = [_with_constant_border(one) for one in arguments["transforms"]]
    elif "border_mode" in changed:
        changed["border_mode"] = cv2.BORDER_CONSTANT
    return {name: changed}


def _moved_cross(pipeline: Any, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The vectors to the right and down after a draw; unmoved where a transform drops points."""
    blank = np.zeros((_SOME_SIDE, _SOME_SIDE, 3), np.uint8)
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    found = np.asarray(pipeline(image=blank, keypoints=_CROSS)["keypoints"], np.float64)
    centre, right, down = found if len(found) == len(_CROSS) else _CROSS
    return right - centre, down - centre


def _check_names(name: str, arguments: Mapping[str, Any]) -> None:
    known = _parameters(name)
    if _SIZE in arguments and _SIZE in known:
        raise ValueError(f"'{name}': leave out {_SIZE}; copies keep the size of the image")
    known = [one for one in known if one != _SIZE]
    for argument in arguments:
        if argument not in known:
            close = _similar(argument, known)
            raise ValueError(f"'{name}': '{argument}'{close}: expected one of {', '.join(known)}")


def _drawn(pipeline: Any, image: Image, seed: int) -> Image:
    # Not set_random_seed: in albumentations 2.0.8 it seeds every transform alike, so that both
    # flips always happen together. One shared pair of generators draws them independently.
    pipeline.set_random_state(np.random.default_rng(seed), random.Random(seed))
    copied: Image = pipeline(image=image)["image"]
    return copied


def _pipeline(transforms: list[Transform], side: int) -> Any:
    return _library().Compose([_built(one, side) for one in transforms])


def _built(transform: Transform, side: int) -> Any:
    """Raises ValueError for invalid arguments."""
    ((name, arguments),) = transform.items()
    values = {key: _constant(value) for key, value in arguments.items()}
    if name in _CHOICES:
        inner = [_built(one, side) for one in values.pop("transforms")]
        return _made(name, {**values, "transforms": inner})
    if _SIZE in _parameters(name):
        values[_SIZE] = (side, side)
    return _made(name, values)


def _made(name: str, values: Mapping[str, Any]) -> Any:
    kind = getattr(_library(), name)
    if "InitSchema" in vars(kind):
        values = {**values, "strict": True}  # without it some mistakes are only warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice to use another transform
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:
            raise ValueError(f"'{name}': {_reason(error)}") from None


def _constant(value: Any) -> Any:
    """OpenCV's constant for a name such as BORDER_REFLECT."""
    if isinstance(value, str) and value.startswith(("BORDER_", "INTER_")):
        return getattr(cv2, value, value)
    return value


def _reason(error: Exception) -> str:
    """Of pydantic's errors, the first: the argument, its value and the rule."""
    cause: Any = error.__cause__
    if not hasattr(cause, "errors"):
        return _first_line(error)
    first = cause.errors()[0]
    rule = first["msg"].removeprefix("Value error, ")
    rule = rule[:1].lower() + rule[1:]
    if first["type"] == "missing":
        return f"{first['loc'][0]}: required"
    return f"{first['loc'][0]}={first['input']!r}: {rule}" if first["loc"] else rule


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _similar(name: str, known: list[str]) -> str:
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(str(name).casefold(), folded, 1)
    return f" (did you mean {folded[close[0]]}?)" if close else ""


@cache
def _names() -> list[str]:
    return sorted({*_CHOICES, *_single_image_transforms()})


def _single_image_transforms() -> Iterator[str]:
    library = _library()
    for name, kind in vars(library).items():
        if inspect.isclass(kind) and issubclass(kind, library.BasicTransform):
            is_3d = issubclass(kind, library.Transform3D)
            if name not in _BASES and not is_3d and not _needs_more(kind):
                yield name


def _needs_more(kind: type) -> bool:
    """Whether a transform needs other images or metadata."""
    return any(one in inspect.signature(kind).parameters for one in _NEED_OTHER_INPUTS)


@cache
def _parameters(name: str) -> list[str]:
    return list(inspect.signature(getattr(_library(), name)).parameters)


@cache
def _library() -> ModuleType:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else its import asks the network for news
    import albumentations

    library: ModuleType = albumentations
    return library
