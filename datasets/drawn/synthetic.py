"""Draw radiograph-like images of ten fracture types, so that the demo downloads nothing.

`write_synthetic(root, images_per_class=60, seed=0)` writes a folder of classes like the real one.
Classes differ in the geometry of the break only: limb, size, pose and exposure come from a
generator independent of the class, which determines the break, the joint's distance and the shaft's
bend. JPEG at quality 92 takes 14 kB per image, a third of the PNG, without visible loss.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from datasets.drawn.radiograph import (
    IDENTITY,
    Image,
    Limb,
    Piece,
    Vector,
    above,
    blurred,
    draw_limb,
    expose,
    move,
    project,
    region,
    strokes,
    swollen,
)
from datasets.errors import DataError
from datasets.lookalikes.planted import ALTERATIONS, plant

JPEG_QUALITY = 92
Random = np.random.Generator


def draw_radiograph(fracture: str, seed: int) -> npt.NDArray[np.uint8]:
    """Draw one X-ray of `fracture`: (H, W) uint8, sides of 200 to 400 pixels.

    The same (fracture, seed) always gives the same pixels; two fractures with one seed show the
    same patient. Raises DataError if `fracture` is not one of FRACTURE_TYPES.
    """
    scene = _scene(fracture, seed)
    pieces = scene.kind.pieces(scene.limb, scene.injury)
    return expose(project(scene.limb, pieces, scene.placement, scene.size), scene.patient)


def break_mask(fracture: str, seed: int) -> npt.NDArray[np.bool_]:
    """Where the break lies in `draw_radiograph(fracture, seed)`: (H, W) bool.

    A stretch of the bone around the break, as long and wide as breaks of this kind are at most.
    """
    scene = _scene(fracture, seed)
    across, along = scene.kind.reach
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * [across, along]
    sides = [np.linspace(*pair, 20) for pair in pairwise(corners)]  # the bone may be bent
    points = scene.limb.to_px(np.concatenate(sides))
    placed = np.column_stack([points, np.ones(len(points))]) @ scene.placement[:2].T
    mask = np.zeros(scene.size, np.uint8)
    cv2.fillPoly(mask, [np.round(placed).astype(np.int32)], 1)
    return mask.astype(bool)


def file_mask(path: str, seed: int) -> npt.NDArray[np.bool_] | None:
    """`break_mask` of a file of `write_synthetic` by its path below the root; None for an altered
    copy, whose pixels have moved, and for other files."""
    fracture, _, name = path.rpartition("/")
    stem, _, number = name.removesuffix(".jpg").rpartition("-")
    slug = _slug(fracture)
    if fracture not in BREAKS or stem not in (slug, f"{slug}-copy") or not number.isdigit():
        return None
    return break_mask(fracture, _image_seed(seed, fracture, int(number)))


class _Scene(NamedTuple):
    """A limb that is about to break, and how it lies in the image of `size` (height, width)."""

    kind: "_Break"
    limb: Limb
    placement: Vector
    size: tuple[int, int]
    patient: Random
    injury: Random


def _scene(fracture: str, seed: int) -> _Scene:
    if fracture not in BREAKS:
        raise DataError(f"fracture={fracture!r}: expected one of {', '.join(FRACTURE_TYPES)}")
    kind = BREAKS[fracture]
    patient, injury = _generator(seed, "patient"), _generator(seed, fracture)
    size = _image_size(patient)
    unit_px = min(size) * patient.uniform(0.105, 0.14)
    canvas = (round(1.45 * max(size)), round(10 * unit_px))
    joint_above = injury.uniform(*kind.joint_above)
    bend = injury.uniform(*kind.bend_degrees)
    limb = draw_limb(canvas, unit_px, joint_above, bend, patient)
    return _Scene(kind, limb, _placement(size, canvas, patient), size, patient, injury)


def write_synthetic(
    root: Path,
    images_per_class: int,
    seed: int,
    duplicate_fraction: float = 0.0,
    near_duplicate_fraction: float = 0.0,
) -> None:
    """Write `root/<class>/<class-slug>-0001.jpg` and so on, grayscale JPEG.

    Every image depends on (seed, class, number) only, so a larger `images_per_class` leaves the
    earlier files unchanged. To give the audit something to find,
    round(duplicate_fraction * images_per_class) images of each class get a byte-identical twin
    `<class-slug>-copy-0001.jpg`, and a share `near_duplicate_fraction` gets an altered one,
    `<class-slug>-near-0001.jpg` (`planted`). Raises DataError if `images_per_class` < 1 or a
    fraction is outside 0..1.
    """
    if images_per_class < 1:
        raise DataError(f"images_per_class={images_per_class}: expected 1 or more")
    fractions = {
        "duplicate_fraction": duplicate_fraction,
        "near_duplicate_fraction": near_duplicate_fraction,
    }
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise DataError(f"{name}={fraction}: expected a share from 0 to 1")
    for fracture in FRACTURE_TYPES:
        folder = Path(root) / fracture
        folder.mkdir(parents=True, exist_ok=True)
        slug = _slug(fracture)
        for number in range(1, images_per_class + 1):
            drawn = draw_radiograph(fracture, _image_seed(seed, fracture, number))
            encoded = _jpeg(drawn)
            (folder / f"{slug}-{number:04d}.jpg").write_bytes(encoded)
            if _has_twin(number, duplicate_fraction):
                (folder / f"{slug}-copy-{number:04d}.jpg").write_bytes(encoded)
            if _has_twin(number, near_duplicate_fraction):
                copy = _altered(drawn, _image_seed(seed, f"{fracture}/copy", number))
                (folder / f"{slug}-near-{number:04d}.jpg").write_bytes(_jpeg(copy))


def _slug(fracture: str) -> str:
    return fracture.lower().replace(" ", "-")


def _has_twin(number: int, fraction: float) -> bool:
    """Spread the twins evenly; the sum over 1..n is round(n * fraction) for every n."""
    return round(number * fraction) > round((number - 1) * fraction)


def _altered(image: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
    """A near-copy by one of the alterations that the duplicate finder is benchmarked on."""
    generator = np.random.default_rng([seed])
    alteration = sorted(ALTERATIONS)[generator.integers(len(ALTERATIONS))]
    return plant(image, alteration, 0.4, generator)


def _jpeg(image: npt.NDArray[np.uint8]) -> bytes:
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return bytes(encoded.tobytes())


def _image_seed(seed: int, fracture: str, number: int) -> int:
    digest = hashlib.sha256(f"{seed}/{fracture}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _generator(seed: int, purpose: str) -> Random:
    return np.random.default_rng([_image_seed(seed, purpose, 0)])


def _image_size(rng: Random) -> tuple[int, int]:
    """(height, width), portrait more often than landscape."""
    long_px = int(rng.integers(300, 401))
    short_px = int(np.clip(long_px * rng.uniform(0.66, 0.92), 200, 400))
    return (long_px, short_px) if rng.random() < 0.75 else (short_px, long_px)


def _placement(size: tuple[int, int], canvas: tuple[int, int], rng: Random) -> Vector:
    """Canvas -> image, (3, 3): mirror, turn the limb along the long side, tilt, shift."""
    height, width = size
    mirror = np.diag([*rng.choice([-1.0, 1.0], size=2), 1.0])
    upright = 0.0 if height >= width else 90.0
    angle = np.radians(upright + np.clip(rng.normal(0, 12), -28, 28))
    turn = np.array(
        [[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    centre = np.array([width, height]) * (0.5 + rng.uniform(-0.07, 0.07, size=2))
    to_origin, to_centre = np.eye(3), np.eye(3)
    to_origin[:2, 2] = -canvas[1] / 2, -canvas[0] / 2
    to_centre[:2, 2] = centre
    return np.asarray(to_centre @ turn @ mirror @ to_origin)


# The breaks. Bone coordinates: across is -1 and 1 at the cortices; along increases away from the
# joint and is 0 at the break. Lengths are in half widths of the shaft.


def _ragged(slope: float, roughness: float, rng: Random, teeth: int = 12) -> Vector:
    """A jagged line across the bone and slightly beyond it, (teeth, 2)."""
    across = np.linspace(-1.2, 1.2, teeth) + rng.uniform(-0.08, 0.08, teeth)
    along = slope * across + roughness * rng.uniform(-1, 1, teeth)
    return np.stack([across, along], axis=1)


def _side(rng: Random) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _without(bones: Image, loss: Image, share: float) -> Image:
    """Remove `share` of the density where `loss` (H, W) is 1."""
    return bones * (1 - np.float32(share) * loss)


def _split(bones: Image, upper: Image, motion: Vector) -> list[Piece]:
    return [(bones * (1 - upper), IDENTITY), (bones * upper, motion)]


def _avulsion(limb: Limb, rng: Random) -> list[Piece]:
    """A corner of the bone's end, pulled off by its tendon and tilted away."""
    side, top, reach = _side(rng), limb.joint_along(), rng.uniform(1.1, 1.6)
    inner = rng.uniform(0.3, 0.48)
    edge = [[inner, -0.6], [inner, 0.2], [0.6, 0.42], [0.64, 0.66], [0.8, 0.8], [0.84, 1.0]]
    outline = np.asarray([*edge, [1.6, 1.05], [1.6, -0.6]]) * [side, reach] + [0, top]
    corner = region(limb, outline) * (1 - limb.beyond)
    away = (side * rng.uniform(0.4, 0.65), -rng.uniform(0.0, 0.25))
    turn = -side * rng.uniform(10, 28)
    return _split(limb.bones, corner, move(limb, away, turn, (side, top + reach / 2)))


def _comminuted(limb: Limb, rng: Random) -> list[Piece]:
    """A zone of splinters between two torn ends."""
    half = rng.uniform(1.2, 1.8)
    grid = np.stack(np.meshgrid([-1.35, -0.4, 0.4, 1.35], [-half, 0, half]), axis=-1)
    grid += rng.uniform(-1, 1, grid.shape) * [0.28, 0.55]
    upper, not_lower = above(limb, grid[0]), above(limb, grid[-1])
    drift = move(limb, (rng.normal(0, 0.2), -0.1), rng.normal(0, 5))
    pieces = [(limb.bones * (1 - not_lower), IDENTITY), (limb.bones * upper, drift)]
    for row, column in np.ndindex(2, 3):
        a, b, d, c = grid[row : row + 2, column : column + 2].reshape(4, 2)
        halves = [[a, b, c, d]] if rng.random() < 0.4 else [[a, b, d], [b, c, d]]
        pieces += [_shard(limb, np.asarray(outline), rng) for outline in halves]
    return pieces


def _shard(limb: Limb, outline: Vector, rng: Random) -> Piece:
    """One splinter (N, 2), pushed outwards and turned."""
    across, along = outline.mean(axis=0)
    spread = (across * rng.uniform(0.15, 0.6) + rng.normal(0, 0.06), rng.normal(0, 0.1))
    motion = move(limb, spread, rng.normal(0, 17), (float(across), float(along)))
    return limb.bones * region(limb, outline), motion


def _dislocation(limb: Limb, rng: Random) -> list[Piece]:
    """The joint displaced, and a corner of the bone broken off with it."""
    side, top = _side(rng), limb.joint_along()
    aside = (side * rng.uniform(1.5, 2.2), rng.uniform(0.2, 0.7))
    away = move(limb, aside, side * rng.uniform(-30, -12), (0, top))
    edge = [[-0.1, -0.6], [0.0, 0.4], [0.3, 0.8], [0.45, 1.2], [0.9, 1.7]]
    outline = np.asarray([*edge, [1.7, 1.8], [1.7, -0.6]]) * [side, 1] + [0, top]
    corner = region(limb, outline) * (1 - limb.beyond)
    chip = move(limb, (side * 0.45, 0.25), side * -rng.uniform(8, 22), (side, top + 1))
    return [
        (limb.bones * (1 - limb.beyond - corner), IDENTITY),
        (limb.bones * limb.beyond, away),
        (limb.bones * corner, chip),
    ]


def _greenstick(limb: Limb, rng: Random) -> list[Piece]:
    """A wedge torn open on the convex side of the bend, left; the other cortex holds."""
    mouth, tip, down = rng.uniform(0.32, 0.5), rng.uniform(0.1, 0.4), _side(rng)
    upper = [[-1.3, -mouth], [-0.7, -mouth * 0.5], [-0.45, -mouth * 0.65], [-0.1, -mouth * 0.25]]
    lower = [[-0.25, mouth * 0.12], [-0.5, mouth * 0.45], [-0.75, mouth * 0.5], [-1.3, mouth]]
    wedge = region(limb, np.asarray([*upper, [tip, 0], *lower]))
    length = down * rng.uniform(1.0, 1.6)
    split = [[tip - 0.02, 0], [tip + 0.06, length * 0.4], [tip - 0.03, length]]
    bones = _without(limb.bones, wedge, 0.93)
    return [(_without(bones, strokes(limb, [split], 0.07), 0.6), IDENTITY)]


def _hairline(limb: Limb, rng: Random) -> list[Piece]:
    """A fine line across an undisplaced bone."""
    curve = _ragged(_side(rng) * rng.uniform(0.1, 0.45), 0.08, rng, teeth=16)
    return [(_without(limb.bones, strokes(limb, [curve], 0.06), 0.62), IDENTITY)]


def _impacted(limb: Limb, rng: Random) -> list[Piece]:
    """The upper end driven into the lower one: shortened, buckled, with a dense band."""
    bones = swollen(limb, rng.uniform(0.15, 0.28), rng.uniform(0.5, 0.8))
    tear = above(limb, _ragged(rng.uniform(-0.25, 0.25), 0.22, rng))
    upper = blurred(tear, 0.07 * limb.unit_px)
    drive = (rng.uniform(-0.25, 0.25), rng.uniform(0.55, 0.85))
    return _split(bones, upper, move(limb, drive, _side(rng) * rng.uniform(4, 12)))


def _longitudinal(limb: Limb, rng: Random) -> list[Piece]:
    """A long crack along the shaft, widest in the middle and pointed at both ends."""
    along = np.linspace(-rng.uniform(2.8, 3.6), rng.uniform(2.8, 3.8), 25)
    lean = rng.uniform(-0.06, 0.06) * along
    across = rng.uniform(-0.2, 0.2) + lean + rng.uniform(-0.05, 0.05, 25)
    opening = rng.uniform(0.08, 0.13) * np.sqrt(np.sin(np.linspace(0, np.pi, 25)))
    left, right = np.stack([across - opening, along], 1), np.stack([across + opening, along], 1)
    return [(_without(limb.bones, region(limb, np.vstack([left, right[::-1]])), 0.85), IDENTITY)]


def _oblique(limb: Limb, rng: Random) -> list[Piece]:
    """A slanted cut; the fragment has slid along it and slightly apart."""
    slope = _side(rng) * rng.uniform(0.9, 1.4)
    upper = above(limb, _ragged(slope, 0.09, rng))
    slide = np.sign(slope) * rng.uniform(0.2, 0.45)
    return _split(limb.bones, upper, move(limb, (slide, -rng.uniform(0.05, 0.2)), rng.normal(0, 3)))


def _pathological(limb: Limb, rng: Random) -> list[Piece]:
    """Bone eaten away in large and small holes, and a crack through them."""
    holes = [_hole(rng.uniform(0.4, 0.7), [0.45, 0.6], rng) for _ in range(rng.integers(2, 4))]
    holes += [_hole(rng.uniform(0.08, 0.18), [0.95, 1.9], rng) for _ in range(9)]
    eaten = np.max([region(limb, hole) for hole in holes], axis=0)
    loss = blurred(eaten, 0.08 * limb.unit_px)
    upper = above(limb, _ragged(rng.uniform(-0.3, 0.3), 0.14, rng))
    drift = move(limb, (rng.normal(0, 0.1), -0.11), rng.normal(0, 3))
    return _split(_without(limb.bones, loss, 0.8), upper, drift)


def _hole(radius: float, reach: Sequence[float], rng: Random) -> Vector:
    """A smooth, lobed outline (32, 2) centred within `reach` (across, along) of the break."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    waves = [rng.normal(0, 0.1) * np.cos(n * angle + rng.uniform(0, 6)) for n in (2, 3, 5)]
    lobed = radius * (1 + np.sum(waves, axis=0))
    circle = np.stack([np.cos(angle), 1.2 * np.sin(angle)], axis=1)
    return np.asarray(np.multiply(reach, rng.uniform(-1, 1, 2)) + lobed[:, None] * circle)


def _spiral(limb: Limb, rng: Random) -> list[Piece]:
    """A helix seen from the side: the near half of each turn dark and wide, the far half faint."""
    turns, pitch, hand = rng.uniform(1.3, 1.7), rng.uniform(2.6, 3.4), _side(rng)
    angle = np.linspace(-turns * np.pi, turns * np.pi, 90)
    curve = np.stack([hand * np.sin(angle), pitch * angle / (2 * np.pi)], axis=1)
    curve += rng.uniform(-0.05, 0.05, curve.shape)
    near = np.cos(angle) > 0
    runs = np.split(np.arange(90), np.flatnonzero(np.diff(near)) + 1)
    front = strokes(limb, [curve[run] for run in runs if near[run[0]]], 0.17)
    back = strokes(limb, [curve[run] for run in runs if not near[run[0]]], 0.11)
    return [(_without(_without(limb.bones, front, 0.88), back, 0.5), IDENTITY)]


class _Break(NamedTuple):
    """How to break a limb: the pieces of its bones, how far the break reaches to each side (across,
    along the bone; in half widths of the shaft), the joint's distance, the shaft's bend."""

    pieces: Callable[[Limb, Random], list[Piece]]
    reach: tuple[float, float]
    joint_above: tuple[float, float] = (4.0, 6.5)
    bend_degrees: tuple[float, float] = (-3.0, 3.0)


BREAKS: dict[str, _Break] = {
    "Avulsion fracture": _Break(_avulsion, reach=(1.3, 2.2), joint_above=(0.6, 1.6)),
    "Comminuted fracture": _Break(_comminuted, reach=(1.8, 2.0)),
    "Fracture Dislocation": _Break(_dislocation, reach=(1.5, 2.4), joint_above=(0.3, 1.3)),
    "Greenstick fracture": _Break(_greenstick, reach=(1.4, 1.6), bend_degrees=(16.0, 30.0)),
    "Hairline Fracture": _Break(_hairline, reach=(1.2, 0.8)),
    "Impacted fracture": _Break(_impacted, reach=(1.5, 1.2)),
    "Longitudinal fracture": _Break(_longitudinal, reach=(1.0, 3.8)),
    "Oblique fracture": _Break(_oblique, reach=(1.4, 1.8)),
    "Pathological fracture": _Break(_pathological, reach=(1.2, 2.0)),
    "Spiral Fracture": _Break(_spiral, reach=(1.2, 2.9)),
}
SYNTHETIC_VERSION = 1
FRACTURE_TYPES: tuple[str, ...] = tuple(BREAKS)


def calibration_radiographs(count: int) -> list[np.ndarray]:
    """Drawn pictures that no collection has, every type in turn, each (H, W) uint8."""
    names = [FRACTURE_TYPES[number % len(FRACTURE_TYPES)] for number in range(count)]
    return [draw_radiograph(name, 10**6 + number) for number, name in enumerate(names)]
