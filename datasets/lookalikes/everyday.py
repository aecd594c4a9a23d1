"""Create near-copies as they occur in collections: screenshots, photos of screens, joined pictures.

`planted` has graded changes of the whole picture. Here, each kind is one thing that people or tools
do, with what that brings along: frames, overlaid text, moire, compression. `USUAL` were used when
the search was built; `HELD_OUT` only measure it.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from datasets.errors import DataError

Image = npt.NDArray[np.uint8]  # (H, W) or (H, W, 3)
Random = np.random.Generator
Kind = Callable[[Image, Image, Random], Image]

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def disguise(image: Image, kind: str, other: Image, rng: Random) -> Image:
    """Create a near-copy of an image.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        kind: one of `USUAL` or `HELD_OUT`.
        other: another picture; `joined` and `collage` show it as well.
        rng: draws angles, positions, texts and noise.

    Returns:
        Grey or colour like `image`, usually of another size.

    Raises:
        DataError: an unknown kind.
    """
    kinds = {**USUAL, **HELD_OUT}
    if kind not in kinds:
        raise DataError(f"kind={kind!r}: expected one of {', '.join(kinds)}")
    return np.ascontiguousarray(kinds[kind](image, other, rng), dtype=np.uint8)


def _jpeg(image: Image, quality: int) -> Image:
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)


def _gamma(image: Image, exponent: float) -> Image:
    return np.asarray(np.rint(255 * (image / 255.0) ** exponent), np.uint8)


def _rotated(image: Image, degrees: float, grows: bool = False) -> Image:
    """Rotate about the centre; corners become black. A picture that `grows` keeps its corners."""
    height, width = image.shape[:2]
    motion = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    size = width, height
    if grows:
        cosine, sine = abs(motion[0, 0]), abs(motion[0, 1])
        size = round(width * cosine + height * sine), round(width * sine + height * cosine)
        motion[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(image, motion, size, flags=cv2.INTER_LINEAR), np.uint8)


def _crop(image: Image, down: float, across: float, rng: Random) -> Image:
    """Keep these shares of the height and the width, at a random position."""
    height, width = image.shape[:2]
    rows, columns = round(height * down), round(width * across)
    top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
    return image[top : top + rows, left : left + columns]


def _noisy(image: Image, sigma: float, rng: Random) -> Image:
    noise = rng.normal(0, sigma, image.shape[:2])
    noise = noise[..., None] if image.ndim == 3 else noise
    return np.asarray(np.clip(np.rint(image + noise), 0, 255), np.uint8)


def _canvas(image: Image, height: int, width: int, grey: int) -> Image:
    return np.full((height, width, *image.shape[2:]), grey, np.uint8)


def _put(canvas: Image, image: Image, box: tuple[int, int, int, int]) -> None:
    """Place the image, as large as fits, in the middle of a box (top, left, height, width)."""
    top, left, height, width = box
    scale = min(height / image.shape[0], width / image.shape[1])
    rows, columns = max(1, int(image.shape[0] * scale)), max(1, int(image.shape[1] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    top, left = top + (height - rows) // 2, left + (width - columns) // 2
    resized = cv2.resize(image, (columns, rows), interpolation=method)
    canvas[top : top + rows, left : left + columns] = resized


def _write(
    canvas: Image, text: str, at: tuple[int, int], grey: int, size: float = 0.4, bold: int = 1
) -> None:
    """Write in place, from the lower left corner (x, y)."""
    cv2.putText(canvas, text, at, _FONT, size, (grey,) * 3, bold, cv2.LINE_AA)


def _digits(rng: Random, count: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, count))


def _clahe(image: Image, other: Image, rng: Random) -> Image:
    equaliser = cv2.createCLAHE(clipLimit=rng.uniform(2, 4), tileGridSize=(8, 8))
    channels = cv2.split(image) if image.ndim == 3 else [image]
    return np.asarray(np.squeeze(np.dstack([equaliser.apply(one) for one in channels])), np.uint8)


def _blur_noise(image: Image, other: Image, rng: Random) -> Image:
    side = min(image.shape[:2])
    blurred = cv2.GaussianBlur(image, (0, 0), side / rng.uniform(160, 220))
    return _noisy(np.asarray(blurred, np.uint8), rng.uniform(8, 14), rng)


def _border(image: Image, other: Image, rng: Random) -> Image:
    height, width = image.shape[:2]
    top, bottom, left, right = (round(rng.uniform(0.08, 0.2) * max(height, width)) for _ in "tblr")
    canvas = _canvas(image, height + top + bottom, width + left + right, 255)
    canvas[top : top + height, left : left + width] = image
    return canvas


def _arrows_text(image: Image, other: Image, rng: Random) -> Image:
    marked = image.copy()
    height, width = image.shape[:2]
    thick = max(2, round(min(height, width) / 90))
    for _ in range(rng.integers(2, 5)):
        end = rng.uniform(0.2, 0.8, 2) * (width, height)
        start = end + rng.uniform(0.12, 0.25) * rng.choice([-1, 1], 2) * min(height, width)
        x, y = (tuple(int(value) for value in point) for point in (start, end))
        cv2.arrowedLine(marked, x, y, (255,) * 3, thick, cv2.LINE_AA, tipLength=0.3)
    size = width / 330
    for text in ("Fig. " + _digits(rng, 1), "R", "fracture"):
        at = rng.uniform(0.02, 0.7) * width, rng.uniform(0.12, 0.95) * height
        _write(marked, text, (int(at[0]), int(at[1])), 255, size * 1.1, max(1, thick // 2))
    return marked


def _letterbox(image: Image, other: Image, rng: Random) -> Image:
    """Black bars that make the picture 16:9, or 9:16 if it is wide."""
    height, width = image.shape[:2]
    ratio = 16 / 9 if width < 1.2 * height else 9 / 16
    rows, columns = height, round(height * ratio)
    if ratio <= width / height:
        rows, columns = round(width / ratio), width
    canvas = _canvas(image, rows, columns, 0)
    _put(canvas, image, (0, 0, rows, columns))
    return canvas


def _screen_photo(image: Image, other: Image, rng: Random) -> Image:
    """Seen askew on a dark screen in a lit room, with moire, glare, noise and JPEG."""
    room = _canvas(image, 600, 600, int(rng.integers(60, 130)))
    cv2.rectangle(room, (50, 50), (550, 550), (25,) * 3, -1)
    _put(room, image, (70, 70, 460, 460))
    corners = np.array([[0, 0], [600, 0], [600, 600], [0, 600]], np.float32)
    moved = corners + rng.uniform(-45, 45, corners.shape).astype(np.float32)
    seen = cv2.warpPerspective(
        room, cv2.getPerspectiveTransform(corners, moved), (600, 600), borderValue=(90,) * 3
    )
    rows, columns = np.mgrid[:600, :600]
    angle, period = rng.uniform(0, np.pi), rng.uniform(3, 7)
    moire = 7 * np.sin(2 * np.pi * (rows * np.sin(angle) + columns * np.cos(angle)) / period)
    glare = 35 * np.exp(-((rows - rng.uniform(0, 600)) ** 2 + (columns - 300) ** 2) / 2e4)
    light = moire + glare if image.ndim == 2 else (moire + glare)[..., None]
    lit = np.clip(seen * rng.uniform(0.75, 1.0) + light + 8, 0, 255).astype(np.uint8)
    return _jpeg(_noisy(np.asarray(lit, np.uint8), 4, rng), 70)


def _joined(image: Image, other: Image, rng: Random) -> Image:
    """Beside another picture of the same height, on either side."""
    height = image.shape[0]
    width = round(other.shape[1] * height / other.shape[0])
    beside = cv2.resize(_like(other, image), (width, height), interpolation=cv2.INTER_AREA)
    gap = _canvas(image, height, int(rng.integers(0, 12)), 255)
    parts = [image, gap, np.asarray(beside, np.uint8)]
    return np.hstack(parts if rng.random() < 0.5 else parts[::-1])


def _like(other: Image, image: Image) -> Image:
    """Convert `other` to grey or colour, as `image` is."""
    if other.ndim == image.ndim:
        return other
    code = cv2.COLOR_GRAY2RGB if other.ndim == 2 else cv2.COLOR_RGB2GRAY
    return np.asarray(cv2.cvtColor(other, code), np.uint8)


def _pacs(image: Image, other: Image, rng: Random) -> Image:
    """In a viewer: toolbars, a list at the left, texts in the corners, a scale."""
    screen = _canvas(image, 768, 1024, 12)
    screen[:60], screen[60:, :150] = 58, 40
    for button in range(14):
        cv2.rectangle(screen, (12 + 70 * button, 12), (62 + 70 * button, 48), (105,) * 3, -1)
        _write(screen, "WLZPRMAHISCEFT"[button], (30 + 70 * button, 36), 220, 0.5)
    for row in range(9):
        cv2.rectangle(screen, (10, 75 + 75 * row), (140, 140 + 75 * row), (70,) * 3, 1)
        _write(screen, f"Series {row + 1}", (20, 112 + 75 * row), 170)
    _put(screen, image, (62, 152, 704, 870))
    texts = [f"ID {_digits(rng, 7)}", f"{_digits(rng, 2)}.0{_digits(rng, 1)}.20{_digits(rng, 2)}"]
    for row, text in enumerate([*texts, "General Hospital"]):
        _write(screen, text, (160, 90 + 24 * row), 235, 0.55)
    _write(screen, f"WL {_digits(rng, 3)} WW {_digits(rng, 4)}", (160, 750), 235, 0.55)
    for tick in range(11):
        cv2.line(screen, (1005, 250 + 30 * tick), (1018, 250 + 30 * tick), (235,) * 3, 1)
    return screen


def _phone(image: Image, other: Image, rng: Random) -> Image:
    """In a chat on a phone: status bar, header, the picture over the full width, text, keys."""
    screen = _canvas(image, 780, 360, 238)
    screen[:80], screen[700:] = 90, 250
    _write(screen, f"{rng.integers(10, 24)}:{rng.integers(10, 60)}", (14, 20), 255, 0.45)
    _write(screen, "LTE  87%", (280, 20), 255, 0.45)
    cv2.circle(screen, (45, 54), 17, (200,) * 3, -1)
    _write(screen, "Radiology group", (75, 60), 255, 0.6)
    _put(screen, image, (100, 8, 430, 344))
    for row in range(4):
        words = " ".join(rng.choice(["please", "look", "at", "this", "wrist", "ok"], 4))
        _write(screen, words, (16, 560 + 32 * row), 40, 0.6)
    cv2.rectangle(screen, (12, 715), (290, 760), (255,) * 3, -1)
    _write(screen, "Message", (26, 745), 150, 0.6)
    cv2.circle(screen, (328, 738), 22, (90,) * 3, -1)
    return screen


def _half(image: Image, other: Image, rng: Random) -> Image:
    """The left or right half of a wide picture, the upper or lower half of a tall one."""
    height, width = image.shape[:2]
    if width >= 0.8 * height:
        return image[:, : width // 2] if rng.random() < 0.5 else image[:, width // 2 :]
    return image[: height // 2] if rng.random() < 0.5 else image[height // 2 :]


def _signed(rng: Random) -> int:
    return int(rng.choice([-1, 1]))


USUAL: dict[str, Kind] = {
    "jpeg_20": lambda image, other, rng: _jpeg(image, 20),
    "mirror_gamma": lambda image, other, rng: _gamma(image[:, ::-1], rng.uniform(1.4, 1.8)),
    "rotated_7": lambda image, other, rng: _rotated(image, 7 * _signed(rng)),
    "rotated_20": lambda image, other, rng: _rotated(image, 20 * _signed(rng)),
    "clahe": _clahe,
    "crop_60_area": lambda image, other, rng: _crop(image, 0.775, 0.775, rng),
    "crop_60_side": lambda image, other, rng: _crop(image, 0.6, 0.6, rng),
    "blur_noise": _blur_noise,
    "white_border": _border,
    "arrows_text": _arrows_text,
    "letterbox": _letterbox,
    "screen_photo": _screen_photo,
    "joined": _joined,
    "pacs_screenshot": _pacs,
    "phone_screenshot": _phone,
    "half": _half,
    "inverted": lambda image, other, rng: 255 - image,
}


def _watermark(image: Image, other: Image, rng: Random) -> Image:
    """Large words in rows across the picture, half transparent."""
    height, width = image.shape[:2]
    marks = np.zeros((height, width), np.uint8)
    for row in range(4):
        at = (round(rng.uniform(-0.05, 0.1) * width), round((0.2 + 0.25 * row) * height))
        _write(marks, "SAMPLE IMAGE", at, 255, width / 260, max(1, width // 150))
    marked = marks if image.ndim == 2 else marks[..., None]
    return np.asarray(np.clip(image + 0.4 * marked, 0, 255), np.uint8)


def _slide(image: Image, other: Image, rng: Random) -> Image:
    """On a slide: title, bullets at the left, the picture at the right."""
    slide = _canvas(image, 540, 960, 255)
    slide[:80] = 70
    _write(slide, f"Case {_digits(rng, 2)}: findings", (30, 52), 255, 1.2, 2)
    for row in range(5):
        words = " ".join(rng.choice(["acute", "pain", "left", "hand", "fall", "swelling"], 3))
        _write(slide, f"- {words}", (40, 150 + 60 * row), 30, 0.8)
    _put(slide, image, (95, 480, 420, 450))
    return slide


def _redacted(image: Image, other: Image, rng: Random) -> Image:
    """Two black boxes, as over burnt-in names."""
    covered = image.copy()
    height, width = image.shape[:2]
    for _ in range(2):
        top, left = int(rng.uniform(0, 0.85) * height), int(rng.uniform(0, 0.6) * width)
        covered[top : top + round(0.12 * height), left : left + round(0.35 * width)] = 0
    return covered


def _sharpened(image: Image, other: Image, rng: Random) -> Image:
    values = image.astype(np.float32)
    detail = values - cv2.GaussianBlur(values, (0, 0), min(image.shape[:2]) / 100)
    return np.asarray(np.clip(values + 2.0 * detail, 0, 255), np.uint8)


def _thumbnail(image: Image, other: Image, rng: Random) -> Image:
    scale = 96 / max(image.shape[:2])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return _jpeg(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8), 60)


def _negative_part(image: Image, other: Image, rng: Random) -> Image:
    return 255 - _crop(image[:, ::-1], 0.8, 0.8, rng)


def _collage(image: Image, other: Image, rng: Random) -> Image:
    """One of four pictures; the other three are parts of `other`."""
    canvas = _canvas(image, 600, 600, 255)
    parts = [_crop(_like(other, image), 0.6, 0.6, rng) for _ in range(3)]
    parts.insert(int(rng.integers(4)), image)
    for number, part in enumerate(parts):
        _put(canvas, part, (10 + 295 * (number // 2), 10 + 295 * (number % 2), 285, 285))
    return canvas


def _scanned_film(image: Image, other: Image, rng: Random) -> Image:
    """A dark, slightly turned film on a bright plate, with JPEG."""
    film = cv2.copyMakeBorder(_gamma(image, 1.5), *(30,) * 4, cv2.BORDER_CONSTANT, value=(8,) * 3)
    turned = 255 - _rotated(255 - np.asarray(film, np.uint8), rng.uniform(-4, 4), grows=True)
    return _jpeg(_noisy(turned, 5, rng), 60)


HELD_OUT: dict[str, Kind] = {
    "rotated_45": lambda image, other, rng: _rotated(image, 45 * _signed(rng), grows=True),
    "watermark": _watermark,
    "slide": _slide,
    "redacted": _redacted,
    "sharpened": _sharpened,
    "thumbnail_96": _thumbnail,
    "stretched": lambda image, other, rng: np.asarray(
        cv2.resize(image, None, fx=1.0, fy=rng.uniform(0.75, 0.85)), np.uint8
    ),
    "negative_mirrored_part": _negative_part,
    "collage": _collage,
    "scanned_film": _scanned_film,
}
