"""A label map -> lesions: each connected piece, or each number."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import reads
from lesionkit.read.volume import read_grid_and_samples

_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)

_LARGEST = 2.0**53


@reads("a label map")
def read_label_map(path: Path, values: Collection[int] | None = None, instances: bool = False) -> tuple[Lesion, ...]:
    """The lesions of a label map file, see `label_lesions`.

    Raises:
        LesionkitError: the file cannot be read, or holds numbers that are no labels.
    """
    labels = read_grid_and_samples(path)
    array = np.asarray(labels.array)
    if array.dtype.kind == "f" and not ((np.abs(array) < _LARGEST).all() and (array == np.round(array)).all()):
        raise LesionkitError(f"{path}: a label map must hold whole numbers, got fractions; is it an image?")
    return label_lesions(ArrayImage(labels.grid, array.astype(np.int64)), values, instances)


def label_lesions(
    labels: ArrayImage, values: Collection[int] | None = None, instances: bool = False
) -> tuple[Lesion, ...]:
    """Lesions of a label map: centre of mass and the diameter of the ball of the same volume.

    Args:
        labels: whole numbers (z, y, x); 0 is background.
        values: numbers that are lesions; None: all.
        instances: each number is one lesion, however many pieces it has; else each piece is, where voxels that share
            a face, an edge or a corner are together.
    """
    array = np.asarray(labels.array)
    present = [int(v) for v in np.unique(array) if v != 0 and (values is None or v in values)]
    if instances:
        # Numbered anew: labels may be of any size and sign, and memory is taken up to the largest.
        numbered, count = np.zeros(array.shape, np.int32), len(present)
        for number, label in enumerate(present, start=1):
            numbered[array == label] = number
    else:
        numbered, count = ndimage.label(np.isin(array, present), _EVERY_NEIGHBOUR)
    boxes = ndimage.find_objects(numbered)
    found: list[Lesion] = []
    for name in range(1, count + 1):
        box = boxes[name - 1]
        place = np.argwhere(numbered[box] == name) + [b.start for b in box]
        found.append(ball_of(labels.grid.index_to_world(place.mean(axis=0)), len(place), labels.grid, len(found) + 1))
    return tuple(found)


def ball_of(centre: np.ndarray[tuple[int, ...], np.dtype[np.float64]], voxels: int, grid: Grid, number: int) -> Lesion:
    """A lesion with the volume of so many voxels."""
    return volume_lesion(centre, voxels * grid.voxel_mm, str(number))


def volume_lesion(centre: np.ndarray[tuple[int, ...], np.dtype[np.float64]], volume_mm3: float, name: str) -> Lesion:
    """A lesion of a volume: the ball that has it."""
    diameter = float(np.cbrt(6 * volume_mm3 / np.pi))
    place = tuple(float(value) for value in centre)
    return Lesion(place, diameter, lesion_id=name, facts={"volume_mm3": round(volume_mm3, 1)})
