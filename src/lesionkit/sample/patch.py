"""The cube of samples a net learns from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Patch:
    """What a net sees, before encoding.

    Attributes:
        hu: float32 (z, y, x), Hounsfield values.
        balls: (n, 4) centre z, y, x and diameter of the lesions in samples.
        ignored: (m, 4) balls in which nothing is learned.
        drawn: float32 (z, y, x) 0..1, how far each sample belongs to a lesion, of those that lie inside and of parts of
            others; None where nobody asked.
        frame: (3, 4) that takes sample z, y, x, 1 to where in the whole image it lies, -0.5 to 0.5 along each axis;
            None where nobody knows.
    """

    hu: NDArray[np.float32]
    balls: NDArray[np.float64]
    ignored: NDArray[np.float64]
    drawn: NDArray[np.float32] | None = None
    frame: NDArray[np.float64] | None = None

    def location(self, stride: int) -> NDArray[np.float32]:
        """(3, z, y, x) where in the image the middle of each cell of `stride` samples per axis lies; zeros where the
        patch does not know."""
        cells = [n // stride for n in self.hu.shape]
        if self.frame is None:
            return np.zeros((3, *cells), np.float32)
        middles = np.meshgrid(*[(np.arange(n) + 0.5) * stride - 0.5 for n in cells], indexing="ij")
        told = np.tensordot(self.frame[:, :3], np.stack(middles), axes=1) + self.frame[:, 3, None, None, None]
        return np.asarray(told, np.float32)


def inside_and_partly(
    balls: NDArray[np.float64], start: NDArray[np.int_], shape: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Balls whose centre lies in a box, and balls that only reach into it: seen in part, they teach nothing.

    Args:
        balls: (n, 4) centre z, y, x and diameter in samples of an image; those that are returned are in samples of the
            box.
        start, shape: (3,) of the box.
    """
    moved = balls - np.array([*start, 0.0])
    inside = ((moved[:, :3] > -0.5) & (moved[:, :3] < shape - 0.5)).all(axis=1)
    reach = moved[:, 3:] / 2
    touching = ((moved[:, :3] > -reach) & (moved[:, :3] < shape + reach)).all(axis=1)
    return moved[inside], moved[touching & ~inside]
