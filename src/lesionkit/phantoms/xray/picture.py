"""A real radiograph with its lung mask: framed as an adult's might be, and its two lungs apart."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.errors import LesionkitError

Floats = NDArray[np.float32]
_WIDEST = 1.7
_LEAST_LUNG = 0.01
"""A region below this share of the picture is no lung."""


@dataclass(frozen=True, eq=False)
class LungPicture:
    """One lung on a picture, samples (row, column).

    Attributes:
        sign: -1 where it lies left on the picture (the patient's right), 1 else.
        depth: pixels to the lung's edge, positive inside. height: 0 at its top, 1 at its bottom.
        outward: 0 at its inner, 1 at its outer edge of the widest row.
        root: (row, column) that it would collapse to.
    """

    sign: int
    depth: Floats
    height: Floats
    outward: Floats
    root: tuple[float, float]

    @property
    def inside(self) -> NDArray[np.bool_]:
        return self.depth > 0


def lungs_of(mask: NDArray[np.bool_]) -> tuple[LungPicture, ...]:
    """The one or two lungs of a mask (row, column).

    Raises:
        LesionkitError: the mask has no region as large as a hundredth of the picture.
    """
    labels, count = ndimage.label(mask)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    large = [n + 1 for n in np.argsort(-areas)[:2] if areas[n] >= _LEAST_LUNG * mask.size]
    if not large:
        raise LesionkitError(
            f"a lung mask must show a lung of at least {_LEAST_LUNG:.0%} of the radiograph, got "
            f"{mask.mean():.2%} in {count} regions; leave this radiograph out or draw its lungs"
        )
    parts = [labels == number for number in large]
    middles = [float(np.nonzero(part)[1].mean()) for part in parts]
    centre = float(np.mean(middles)) if len(parts) == 2 else mask.shape[1] / 2
    return tuple(_lung(part, -1 if middle < centre else 1) for part, middle in zip(parts, middles, strict=True))


def _lung(mask: NDArray[np.bool_], sign: int) -> LungPicture:
    depth = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    rows, columns = (np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1))
    top, bottom, left, right = rows[0], rows[-1], columns[0], columns[-1]
    inner, outer = (right, left) if sign < 0 else (left, right)
    y, x = np.indices(mask.shape, dtype=np.float32)
    outward = np.clip((x - inner) / (outer - inner if outer != inner else sign), 0, 1)
    root = (top + 0.52 * (bottom - top), inner + 0.12 * (outer - inner))
    height = np.clip((y - top) / max(bottom - top, 1), 0, 1)
    return LungPicture(sign, (depth - np.sign(depth) * 0.5).astype(np.float32), height, outward, root)


@dataclass(frozen=True)
class Framing:
    """Which part of a radiograph is shown.

    Attributes:
        aspect: width by height of the whole radiograph as it was taken; a picture may have been squashed.
        zoom: side of the window by the larger side of the box around both lungs. shift: of its middle, in windows.
        degrees: turned about the middle.
    """

    aspect: float
    zoom: float
    shift: tuple[float, float]
    degrees: float

    @classmethod
    def draw(cls, rng: Generator, aspect: float) -> "Framing":
        """From close to the lungs to the whole upper body; upright to a little turned."""
        return cls(
            aspect=min(aspect, _WIDEST) * float(np.exp(rng.normal(0, 0.06))),
            zoom=float(rng.uniform(1.08, 1.6)),
            shift=(float(rng.normal(0, 0.04)), float(rng.normal(0, 0.03))),
            degrees=float(rng.normal(0, 4)),
        )


def framed(
    image: Floats, mask: NDArray[np.bool_], size: int, framing: Framing | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """A square picture (size, size) of the part that is shown, and the lungs on it; None stretches the whole.

    What lies beyond the radiograph goes on as its edge and fades to black.
    """
    lengths = np.array(image.shape, float)
    if framing is None:
        matrix, offset = np.diag(lengths / size), (lengths - size) / (2 * size)
    else:
        # One step of the new picture in rows and columns of the old: its columns were squeezed to `aspect`.
        found = [np.flatnonzero(mask.any(axis=1 - axis)) for axis in (0, 1)]
        middle = np.array([(line[0] + line[-1]) / 2 for line in found])
        true = np.array([1.0, framing.aspect * lengths[0] / lengths[1]])
        sides = np.array([line[-1] - line[0] + 1 for line in found]) * true
        # Beyond the radiograph nothing is known: a window reaches there by a little at most.
        side = min(framing.zoom * sides.max(), max(1.05 * sides.max(), 1.06 * (lengths * true).min()))
        step = side / size
        angle = np.deg2rad(framing.degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.diag(1 / true) @ turn * step
        middle = middle * true + np.array(framing.shift) * side
        room = np.maximum((lengths * true - side) / 2, 0)
        middle = np.clip(middle, lengths * true / 2 - room, lengths * true / 2 + room) / true
        offset = middle - matrix @ np.full(2, (size - 1) / 2)
    whole = ndimage.affine_transform(image, matrix, offset, (size, size), order=1, mode="nearest")
    lung = ndimage.affine_transform(mask.astype(np.float32), matrix, offset, (size, size), order=1) >= 0.5
    beyond = 1 - ndimage.affine_transform(np.ones_like(image), matrix, offset, (size, size), order=0)
    away = ndimage.distance_transform_edt(beyond) / size
    picture = whole * np.exp(-away / 0.06)
    return picture.astype(np.float32), np.asarray(lung)
