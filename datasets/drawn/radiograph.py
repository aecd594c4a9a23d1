"""Draw a synthetic X-ray: draw a limb, move the pieces of its broken bone, expose the film.

Bones are hollow tubes, and their brightness is the length of the ray's path through cortex, canal
and tissue, so that bright cortices, a dark canal and the dense band of overlapping fragments follow
from the geometry. A limb is drawn straight on its own canvas and then cut and moved by affine maps,
which takes about 10 ms per image; the price is that no fragment rotates in depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import cv2
import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.float32]
Vector: TypeAlias = npt.NDArray[np.float64]
Piece: TypeAlias = tuple[Image, Vector]  # density (H, W), motion (3, 3) in canvas pixels

IDENTITY: Vector = np.eye(3)
SUBPIXEL_BITS = 4
DENSE = 1.55  # attenuation that a good exposure shows as white: cortex seen edge-on


@dataclass(frozen=True)
class Limb:
    """A vertical limb on its canvas, joint above, shaft below.

    `bones`, `beside` (a parallel bone, maybe empty) and `tissue` are densities, (H, W) float32 in
    units of the shaft's half width; `beyond` (H, W) is 1 on the joint's far side. `axis_px` and
    `half_width_px`, (H,) float64, are the broken bone's centre and half width on each row.
    `unit_px` is the shaft's half width, `site_px` and `joint_px` are the rows of the break and of
    the joint.
    """

    bones: Image
    beside: Image
    tissue: Image
    beyond: Image
    axis_px: Vector
    half_width_px: Vector
    unit_px: float
    site_px: float
    joint_px: float

    def to_px(self, curve: npt.ArrayLike) -> Vector:
        """(N, 2) points (across, along) -> (N, 2) canvas pixels (x, y), float64.

        Across is -1 and 1 at the two cortices; along is 0 at the break, in shaft half widths.
        """
        across, along = np.asarray(curve, dtype=np.float64).T
        y = self.site_px + along * self.unit_px
        rows = np.arange(len(self.axis_px))
        x = np.interp(y, rows, self.axis_px) + across * np.interp(y, rows, self.half_width_px)
        return np.stack([x, y], axis=1)

    def joint_along(self) -> float:
        """The joint's position in the coordinates of `to_px`."""
        return (self.joint_px - self.site_px) / self.unit_px


def region(limb: Limb, outline: npt.ArrayLike) -> Image:
    """1 inside the polygon (N, 2) in bone coordinates, 0 outside, soft edge; (H, W) float32."""
    mask = np.zeros(limb.bones.shape, np.uint8)
    cv2.fillPoly(mask, [_fixed_point(limb.to_px(outline))], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return _unit_range(mask)


def above(limb: Limb, curve: npt.ArrayLike) -> Image:
    """1 on the joint's side of a curve (N, 2) that crosses the bone from left to right, else 0."""
    points = np.asarray(curve, dtype=np.float64)
    far, left, right = -limb.bones.shape[0] / limb.unit_px, points[0, 1], points[-1, 1]
    sides = [[9, right], [9, far], [-9, far], [-9, left]]
    return region(limb, np.vstack([points, sides]))


def strokes(limb: Limb, curves: Sequence[npt.ArrayLike], width: float) -> Image:
    """Lines along the curves (N, 2), `width` in shaft half widths; (H, W) float32 in 0..1.

    Lines are at least one pixel thick.
    """
    mask = np.zeros(limb.bones.shape, np.uint8)
    thickness = max(1, round(width * limb.unit_px))
    points = [_fixed_point(limb.to_px(curve)) for curve in curves]
    cv2.polylines(mask, points, False, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
    return _unit_range(cv2.GaussianBlur(mask, (3, 3), 0))


def move(
    limb: Limb,
    shift: tuple[float, float] = (0.0, 0.0),
    degrees: float = 0.0,
    pivot: tuple[float, float] = (0.0, 0.0),
) -> Vector:
    """A rigid motion (3, 3): turn about `pivot`, then shift; both in bone coordinates."""
    x, y = limb.to_px([pivot])[0]
    turn = np.vstack([cv2.getRotationMatrix2D((float(x), float(y)), degrees, 1.0), [0, 0, 1]])
    turn[:2, 2] += np.asarray(shift) * limb.unit_px
    return cast(Vector, turn)


def blurred(image: Image, sigma_px: float) -> Image:
    """Gaussian blur, (H, W) float32."""
    return cast(Image, cv2.GaussianBlur(image, (0, 0), sigma_px))


def swollen(limb: Limb, amount: float, length: float) -> Image:
    """The bones, widened and thinned by the share `amount` around the break: (H, W) float32."""
    along = (np.arange(len(limb.axis_px)) - limb.site_px) / limb.unit_px
    scale = (1 + amount * np.exp(-((along / length) ** 2)))[:, None].astype(np.float32)
    axis = limb.axis_px[:, None].astype(np.float32)
    map_x = axis + (np.arange(limb.bones.shape[1], dtype=np.float32)[None, :] - axis) / scale
    map_y = np.repeat(np.arange(len(axis), dtype=np.float32)[:, None], map_x.shape[1], axis=1)
    return np.asarray(_sampled(limb.bones, map_x, map_y) / scale**2)


def draw_limb(
    canvas: tuple[int, int],
    unit_px: float,
    joint_above: float,
    bend_degrees: float,
    rng: np.random.Generator,
) -> Limb:
    """Draw an intact limb whose future break is in the middle of `canvas` (height, width).

    `joint_above` is the joint's distance from the site in shaft half widths `unit_px`;
    `bend_degrees` is the angle of the shaft at the site.
    """
    height, width = canvas
    site = height / 2
    rows = np.arange(height, dtype=np.float64)
    joint = site - joint_above * unit_px
    axis = width / 2 + _bent(rows - site, bend_degrees, unit_px)
    axis += rng.uniform(-0.012, 0.012) * unit_px * ((rows - site) / unit_px) ** 2
    axis += rng.uniform(-0.3, 0.3) * unit_px * np.exp(-(((rows - joint) / (2 * unit_px)) ** 2))
    columns = np.arange(width, dtype=np.float32)[None, :]
    grain = _trabeculae(canvas, unit_px, rng)
    bones, half_width = _jointed_bones(rows, columns, axis, joint, unit_px, grain, rng)
    beside, side = _parallel_bone(rows, columns, axis, joint, unit_px, grain, rng)
    tissue = _tissue(rows, columns, axis + side * 0.45, unit_px, abs(side), site, rng)
    warp = _joint_warp(rows, columns, axis, joint, unit_px, rng)
    beyond = np.repeat((rows < joint).astype(np.float32)[:, None], width, axis=1)
    bones, beside, beyond = (_sampled(drawn, *warp) for drawn in (bones, beside, beyond))
    return Limb(bones, beside, tissue, beyond, axis, half_width, unit_px, site, joint)


def project(limb: Limb, pieces: Sequence[Piece], placement: Vector, size: tuple[int, int]) -> Image:
    """Sum the densities along each ray: (height, width) float32 attenuation of the view.

    `placement` (3, 3) maps canvas pixels to the image of `size` (height, width). Overlapping pieces
    add up, as they do on film.
    """
    still = [(limb.tissue + limb.beside, IDENTITY)]
    total = np.zeros(size, np.float32)
    for density, motion in [*still, *pieces]:
        affine = (placement @ motion)[:2]
        total += cv2.warpAffine(density, affine, size[::-1], flags=cv2.INTER_LINEAR)
    return total


def expose(attenuation: Image, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Apply a saturating film response, vignette, blur and noise; (H, W) float32 -> uint8."""
    height, width = attenuation.shape
    gain, gamma = rng.uniform(0.75, 1.2), np.float32(rng.uniform(0.95, 1.2))
    film = (1 - np.exp(-gain * attenuation)) / (1 - np.exp(-gain * DENSE))
    film = rng.uniform(0.01, 0.05) + rng.uniform(0.85, 1.02) * film**gamma
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] + np.float32(rng.normal(0, 0.2))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] + np.float32(rng.normal(0, 0.2))
    film *= 1.03 - np.float32(rng.uniform(0.08, 0.2)) * (x * x + y * y)
    film = blurred(film, rng.uniform(0.5, 0.9))
    _mark_side(film, rng)
    noise = blurred(rng.standard_normal(film.shape, dtype=np.float32), 0.7)
    film += np.float32(rng.uniform(0.008, 0.022)) * noise * (0.6 + film)
    return cast(npt.NDArray[np.uint8], (np.clip(film, 0, 1) * 255).round().astype(np.uint8))


def _mark_side(film: Image, rng: np.random.Generator) -> None:
    """Sometimes draw the lead letter of the body's side in a corner."""
    shown, letter, left, low = rng.random() < 0.15, rng.choice(["L", "R"]), *(rng.random(2) < 0.5)
    if not shown:
        return
    height, width = film.shape
    scale = min(height, width) / 400
    at = round(width * (0.05 if left else 0.88)), round(height * (0.95 if low else 0.1))
    lead = np.zeros(film.shape, np.uint8)
    cv2.putText(lead, letter, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 230, 2, cv2.LINE_AA)
    np.maximum(film, _unit_range(lead), out=film)


def _jointed_bones(
    rows: Vector,
    columns: Image,
    axis: Vector,
    joint: float,
    unit_px: float,
    grain: Image,
    rng: np.random.Generator,
) -> tuple[Image, Vector]:
    """The long bone below the joint and its neighbour above: density (H, W), half width (H,)."""
    gap = rng.uniform(0.1, 0.2)
    flare = rng.uniform(0.65, 0.95)
    cortex = rng.uniform(0.27, 0.42)
    below = (rows - joint) / unit_px - gap / 2
    over = (joint - rows) / unit_px - gap / 2
    scale = rng.uniform(0.85, 1.1)
    across = columns - axis[:, None].astype(np.float32)
    density = _tube(across, below, unit_px, flare, cortex, grain)
    density += _tube(across, over / scale, unit_px * scale, flare / scale, cortex, grain) * scale
    half_width = unit_px * (1 + flare * _flare(np.abs(below)))
    return density, half_width


def _parallel_bone(
    rows: Vector,
    columns: Image,
    axis: Vector,
    joint: float,
    unit_px: float,
    grain: Image,
    rng: np.random.Generator,
) -> tuple[Image, float]:
    """Sometimes a thinner second bone: density (H, W) and its signed offset in pixels, or 0."""
    present, side = rng.random() < 0.4, rng.choice([-1.0, 1.0])
    offset = side * rng.uniform(2.1, 2.6) * unit_px
    scale, lag = rng.uniform(0.5, 0.7), rng.uniform(0.2, 0.9)
    if not present:
        return np.zeros_like(grain), 0.0
    below = (rows - joint) / unit_px - lag
    bow = offset * (1 + 0.12 * np.tanh(below / 3))
    across = columns - (axis + bow)[:, None].astype(np.float32)
    density = _tube(across, below / scale, unit_px * scale, 0.45, 0.42, grain)
    return density * np.float32(scale * 1.15), float(offset)


def _tube(
    across_px: Image, depth: Vector, unit_px: float, flare: float, cortex: float, grain: Image
) -> Image:
    """A hollow bone that starts at depth 0 (H,), in half widths: (H, W) float32 ray lengths.

    The cortex is `cortex` thick in the shaft and thins to a shell around the spongy end.
    """
    wall = 0.1 + (cortex - 0.1) * _smoothstep((depth - 0.8) / 3.5)
    outer_width = (1 + flare * _flare(depth)) * _rounded_end(depth)
    inner_width = (1 + flare * _flare(depth) - wall) * _rounded_end(depth - 0.14)
    squared = (across_px / np.float32(unit_px)) ** 2
    outer, inner = (
        np.sqrt(np.maximum((half_width**2).astype(np.float32)[:, None] - squared, 0))
        for half_width in (outer_width, inner_width)
    )
    sponge = (0.1 + 0.36 * np.exp(-((depth / 2.6) ** 2))).astype(np.float32)[:, None]
    return cast(Image, 1.3 * (outer - inner) + sponge * inner * (1 + grain))


def _flare(depth: Vector) -> Vector:
    """The widening at `depth` half widths below the end: 1 at the end, 0 in the shaft."""
    return cast(Vector, np.exp(-((np.maximum(depth, 0) / 2.1) ** 1.7)))


def _rounded_end(depth: Vector, radius: float = 0.75, power: float = 2.6) -> Vector:
    """Superellipse cap: 0 outside the bone, 1 from `radius` inwards."""
    rest = 1 - np.clip(depth / radius, 0, 1)
    return np.asarray((1 - rest**power) ** (1 / power))


def _tissue(
    rows: Vector,
    columns: Image,
    axis: Vector,
    unit_px: float,
    side_px: float,
    site: float,
    rng: np.random.Generator,
) -> Image:
    """Soft tissue around the bones, swollen at the break: (H, W) float32."""
    along = (rows - site) / unit_px
    waves = 1 + 0.07 * np.sin(along * rng.uniform(0.2, 0.4) + rng.uniform(0, 6))
    swelling = 1 + rng.uniform(0.02, 0.1) * np.exp(-((along / 2.5) ** 2))
    half_width = (unit_px * rng.uniform(2.5, 3.3) + 0.45 * side_px) * waves * swelling
    ratio = (columns - axis[:, None].astype(np.float32)) / half_width[:, None].astype(np.float32)
    chord = np.sqrt(np.maximum(1 - ratio * ratio, 0))
    bundles = rng.normal(1, 0.05, (5, 8)).astype(np.float32)
    muscle = cv2.resize(bundles, ratio.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return cast(Image, np.float32(rng.uniform(0.28, 0.46)) * chord * muscle)


def _trabeculae(canvas: tuple[int, int], unit_px: float, rng: np.random.Generator) -> Image:
    """Fine struts that run mostly along the bone: (H, W) float32 about 0."""
    noise = rng.standard_normal(canvas, dtype=np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.02 * unit_px, sigmaY=0.06 * unit_px)
    coarse = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.09 * unit_px, sigmaY=0.16 * unit_px)
    return cast(Image, 0.14 * fine / fine.std() + 0.12 * coarse / coarse.std())


def _joint_warp(
    rows: Vector,
    columns: Image,
    axis: Vector,
    joint: float,
    unit_px: float,
    rng: np.random.Generator,
) -> tuple[Image, Image]:
    """Sampling maps that bend the straight joint into condyles and their sockets, (H, W) each."""
    map_x = np.repeat(columns, len(rows), axis=0)
    across = (columns[0] - np.interp(joint, rows, axis)) / unit_px
    tilt, notch, waves = rng.normal(0, 0.06), rng.uniform(-0.35, 0.35), rng.normal(0, 0.08)
    lift = tilt * across + notch * np.exp(-((across / 0.7) ** 2)) + waves * np.sin(2.5 * across)
    near = np.exp(-(((rows - joint) / (1.6 * unit_px)) ** 2))
    map_y = rows[:, None] + near[:, None] * (lift * unit_px)[None, :]
    return map_x, map_y.astype(np.float32)


def _sampled(image: Image, map_x: Image, map_y: Image) -> Image:
    return cast(Image, cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR))


def _bent(along_px: Vector, degrees: float, unit_px: float) -> Vector:
    """Sideways offset of an axis that bends by `degrees`, smoothed over about one half width."""
    round_px = 0.8 * unit_px
    slope = np.tan(np.radians(degrees) / 2)
    return cast(Vector, slope * (np.sqrt(along_px**2 + round_px**2) - round_px))


def _smoothstep(x: Vector) -> Vector:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _fixed_point(points: Vector) -> npt.NDArray[np.int32]:
    return np.asarray(np.round(points * 2**SUBPIXEL_BITS), dtype=np.int32)


def _unit_range(mask: npt.NDArray[Any]) -> Image:
    return cast(Image, mask.astype(np.float32) / np.float32(255))
