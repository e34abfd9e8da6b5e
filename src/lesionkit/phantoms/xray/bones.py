"""Bones in front of the lungs, laid out by the lungs' outline: ribs, clavicles, shoulder blades."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lesionkit.phantoms.xray.curve import Canvas, Points, pipe, spline
from lesionkit.phantoms.xray.trunk import Floats


@dataclass(frozen=True)
class Frame:
    """Where the lungs lie on an image, in mm from its top left.

    Attributes:
        top, bottom: of the higher lung's top and the lower lung's bottom. middle: x between the lungs.
        right, left: x of the outer edge of each lung by row, NaN where there is none; right is the smaller.
    """

    top: float
    bottom: float
    middle: float
    right: NDArray[np.float64]
    left: NDArray[np.float64]
    pixel_mm: float

    @classmethod
    def of(cls, lungs: NDArray[np.bool_], pixel_mm: float) -> "Frame":
        """The frame of a mask (row, column) of both lungs, which is not empty."""
        rows = np.flatnonzero(lungs.any(axis=1))
        columns = np.arange(lungs.shape[1])
        right = np.where(lungs.any(axis=1), np.where(lungs, columns, 10**6).min(axis=1), np.nan)
        left = np.where(lungs.any(axis=1), np.where(lungs, columns, -1).max(axis=1), np.nan)
        middle = float(np.nanmedian((right + left) / 2))
        scale = pixel_mm
        return cls(rows[0] * scale, rows[-1] * scale, middle * scale, right * scale, left * scale, pixel_mm)

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def outer(self, sign: int, y_mm: float) -> float:
        """x of the outer edge of the right (−1) or left (1) lung at a height; that of the widest part also below it."""
        edge = self.right if sign < 0 else self.left
        rows = np.flatnonzero(~np.isnan(edge))
        widest = int(np.argmax(sign * edge[rows]))
        rows = rows[: widest + 1]
        return float(np.interp(y_mm / self.pixel_mm, rows, edge[rows]))


def draw_bones(rng: Generator, image: Floats, canvas: Canvas, frame: Frame, strength: float) -> None:
    """Add ribs, clavicles and the inner edges of the shoulder blades to line integrals (mm of water), in place."""
    bones = np.zeros_like(image)
    pitch = frame.height / rng.uniform(8.2, 9.6)
    slope = rng.uniform(0.5, 0.9)
    for sign in (-1, 1):
        wide = abs(frame.outer(sign, frame.top + 0.6 * frame.height) - frame.middle)
        for number in range(-1, 10):
            height = frame.top + (number + 0.25) * pitch
            radius = float(rng.uniform(4.6, 6.0)) * (0.8 if number < 0 else 1.0)
            wall = radius * rng.uniform(0.14, 0.2)
            bone = pipe(radius, wall, 1.3 * strength, 0.4 * strength)
            canvas.add(bones, _back_rib(frame, sign, height, wide, slope * pitch), radius, bone)
            if number >= 0:
                soft = pipe(radius * 1.1, wall, 0.8 * strength, 0.22 * strength)
                canvas.add(bones, _front_rib(frame, sign, height + pitch * 1.9, wide, pitch), radius * 1.1, soft)
        _clavicle(rng, bones, canvas, frame, sign, wide, strength)
        if rng.random() < 0.7:
            _blade(rng, bones, canvas, frame, sign, wide, strength)
    # No bone outside the flesh.
    image += bones * np.clip(image / 40, 0, 1)


def draw_clavicles(rng: Generator, image: Floats, canvas: Canvas, frame: Frame, strength: float) -> None:
    """Add both clavicles to line integrals (mm of water), in place; they need not lie alike, as in a turned chest."""
    for sign in (-1, 1):
        wide = abs(frame.outer(sign, frame.top + 0.6 * frame.height) - frame.middle)
        _clavicle(rng, image, canvas, frame, sign, wide, strength)


def _back_rib(frame: Frame, sign: int, height: float, wide: float, drop: float) -> Points:
    """From the spine up a little, then down to the outer edge."""
    edge = abs(frame.outer(sign, height + 0.6 * drop) - frame.middle) + 3
    reach = float(np.clip(edge, 0.35 * wide, wide + 3))
    along = np.array([0.0, 0.25, 0.55, 0.82, 0.97, 1.0])
    down = np.array([0.0, -0.12, 0.12, 0.6, 1.15, 1.5]) * drop
    return spline(np.stack([frame.middle + sign * (14 + along * (reach - 14)), height + down], axis=1))


def _front_rib(frame: Frame, sign: int, height: float, wide: float, pitch: float) -> Points:
    """From the outer edge down and inwards, where it fades into cartilage."""
    edge = abs(frame.outer(sign, height) - frame.middle) + 2
    reach = float(np.clip(edge, 0.35 * wide, wide + 2))
    along = np.array([1.0, 0.93, 0.75, 0.55, 0.42])
    down = np.array([-0.6, -0.1, 0.45, 0.8, 0.95]) * pitch
    return spline(np.stack([frame.middle + sign * along * reach, height + down], axis=1))


def _clavicle(
    rng: Generator, image: Floats, canvas: Canvas, frame: Frame, sign: int, wide: float, strength: float
) -> None:
    start = frame.top + rng.uniform(0.08, 0.2) * frame.height
    rise = rng.uniform(10, 38)
    along = np.array([0.12, 0.4, 0.75, 1.1, 1.35]) * wide
    down = np.array([0.0, -0.15, -0.55, -1.0, -1.05]) * rise
    radius = float(rng.uniform(5, 6.5))
    bone = pipe(radius, 1.3, 1.5 * strength, 0.6 * strength)
    canvas.add(image, spline(np.stack([frame.middle + sign * along, start + down], axis=1)), radius, bone)


def _blade(
    rng: Generator, image: Floats, canvas: Canvas, frame: Frame, sign: int, wide: float, strength: float
) -> None:
    """The inner edge of a shoulder blade crosses the outer lung like the line of a pleura would."""
    top = frame.top + rng.uniform(-0.02, 0.1) * frame.height
    length = rng.uniform(0.4, 0.55) * frame.height
    inwards = wide * (1 - rng.uniform(-0.05, 0.22) - np.array([0.02, 0.08, 0.05, -0.1]))
    curve = spline(np.stack([frame.middle + sign * inwards, top + np.array([0.0, 0.3, 0.7, 1.0]) * length], axis=1))
    height = float(rng.uniform(1.5, 4.0)) * strength

    def edge(distance: Floats) -> Floats:
        line: Floats = height * np.exp(-0.5 * (distance / 1.1) ** 2)
        return line

    canvas.add(image, curve, 4.0, edge)
