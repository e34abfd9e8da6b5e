"""Central projection of coronal planes: every plane is scaled and shifted a little, then all are summed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.phantoms.xray.trunk import Floats, Trunk, interpolation


@dataclass(frozen=True)
class Beam:
    """How a trunk is looked at.

    Attributes:
        size: pixels per edge of the square image. field_mm: what an edge spans in the middle of the chest.
        source_mm: from the X-ray tube to the middle of the chest.
        is_pa: rays come from behind, so what lies behind looks larger.
        turn, tilt: slope of the rays to the left and to the feet, mm per mm of depth.
        roll_degrees: turn within the image.
        stretch: height of the chest, 1 as in the CT. taper: how much narrower its top is made.
        shift_mm: (down, left) from the middle of the lungs to the middle of the image.
    """

    size: int
    field_mm: float
    source_mm: float
    is_pa: bool
    turn: float
    tilt: float
    roll_degrees: float
    stretch: float
    taper: float
    shift_mm: tuple[float, float]

    @property
    def pixel_mm(self) -> float:
        return self.field_mm / self.size

    @classmethod
    def draw(cls, rng: Generator, trunk: Trunk, size: int) -> "Beam":
        """A view by chance that holds both lungs, with some of what surrounds them."""
        is_pa = rng.random() < 0.6
        spread = 1.0 if is_pa else 1.6
        # Radiographs are made upright and in full breath; synthetic chests are built broader than people.
        stretch = float(rng.uniform(0.96, 1.1) if trunk.is_real else rng.uniform(1.05, 1.32))
        height, width = trunk.lung_extent_mm
        field = max(height * stretch, width) * float(rng.uniform(1.04, 1.3))
        down = float(rng.normal(0, 8))
        if trunk.is_real:
            # What lies above a synthetic chest is drawn; above a real CT there is nothing to show.
            down = max(down, field / 2 - 0.98 * stretch * trunk.centre[1] * trunk.spacing_mm[1])
        return cls(
            size=size,
            field_mm=field,
            source_mm=float(rng.uniform(1600, 1900) if is_pa else rng.uniform(900, 1300)),
            is_pa=is_pa,
            turn=spread * float(rng.normal(0, 0.035)),
            tilt=spread * float(rng.normal(0, 0.04)) + (0.0 if is_pa else 0.05),
            roll_degrees=spread * float(rng.normal(0, 1.5)),
            stretch=stretch,
            taper=float(rng.uniform(-0.03, 0.06) if trunk.is_real else rng.uniform(0.05, 0.3)),
            shift_mm=(down, spread * float(rng.normal(0, 6))),
        )

    def project(
        self, planes: Floats, spacing_mm: tuple[float, float, float], middle: tuple[float, ...], goes_on: bool = False
    ) -> Floats:
        """Sum along the rays, in mm times the planes' values, (row, column); rows run from head to feet.

        Above and below the planes there is nothing, or the same as at their ends where `goes_on`.

        Args:
            planes: (y, z, x). spacing_mm: of the planes. middle: (y, z, x) index that appears at the image's middle.
        """
        offsets = (np.arange(self.size) - (self.size - 1) / 2) * self.pixel_mm
        result = np.zeros((self.size, self.size), np.float32)
        for number in _filled(planes):
            back = (number - middle[0]) * spacing_mm[0]
            scale = (self.source_mm + (back if not self.is_pa else -back)) / self.source_mm
            height_mm = self.stretch * spacing_mm[1]
            down = (offsets * scale + self.shift_mm[0] + back * self.tilt) / height_mm + middle[1]
            left = (offsets * scale + self.shift_mm[1] + back * self.turn) / spacing_mm[2] + middle[2]
            rows = interpolation(down, planes.shape[1], self.pixel_mm / height_mm, goes_on)
            columns = interpolation(left, planes.shape[2], self.pixel_mm / spacing_mm[2])
            result += (columns @ np.ascontiguousarray((rows @ planes[number]).T)).T
        return self._bent(result * np.float32(spacing_mm[0]))

    def _bent(self, image: Floats) -> Floats:
        """The image turned, and narrower towards its top."""
        half = (self.size - 1) / 2
        row, column = np.indices(image.shape, dtype=np.float32) - half
        turn = np.deg2rad(self.roll_degrees)
        down = np.cos(turn) * row - np.sin(turn) * column
        left = np.sin(turn) * row + np.cos(turn) * column
        left /= 1 - self.taper * np.clip(-down / half + 0.1, 0, 1.1) ** 1.5
        bent: Floats = ndimage.map_coordinates(image, [down + half, left + half], order=1, mode="nearest")
        return bent


def _filled(planes: NDArray[np.float32]) -> Iterable[int]:
    """Numbers of planes that hold something."""
    return (int(n) for n in np.flatnonzero(planes.reshape(len(planes), -1).any(axis=1)))
