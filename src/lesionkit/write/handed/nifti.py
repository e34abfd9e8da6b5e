"""Balls in a volume -> NIfTI: a label map on the grid of the volume, with its affine."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.files import write_text
from lesionkit.core.handed import Balls, Plane
from lesionkit.core.image import ArrayImage
from lesionkit.write.handed.balls import discs_of
from lesionkit.write.handed.names import name_of
from lesionkit.write.volume import write_volume


def write_nifti_of_balls(handed: Balls, out: Path) -> list[Path]:
    """Write `CASE.nii.gz`, finding i with label i, `CASE-mask.nii.gz`, and `CASE.csv` that says what a label is.

    Both volumes have the grid of the scan as it was read; see `labels_of_balls`. Nothing found makes volumes of
    nothing.

    Raises:
        LesionkitError: a finding lies outside of the grid.
    """
    grid, labels = handed.grid, labels_of_balls(handed)
    name = name_of(handed)
    rows = ["label,x_mm,y_mm,z_mm,diameter_mm,score"]
    for number, ball in enumerate(handed.balls, start=1):
        size = "" if ball.diameter_mm is None else f"{ball.diameter_mm:.3f}"
        rows.append(",".join([str(number), *(f"{c:.4f}" for c in ball.centre_mm), size, f"{ball.score:.9g}"]))
    return [
        write_volume(ArrayImage(grid, labels), out / f"{name}.nii.gz"),
        write_volume(ArrayImage(grid, labels > 0), out / f"{name}-mask.nii.gz"),
        write_text(out / f"{name}.csv", "\n".join(rows) + "\n"),
    ]


def labels_of_balls(handed: Balls) -> NDArray[np.uint16]:
    """Labels (z, y, x) on the grid of the scan, finding i with label i: as a network drew them, where that is known.

    Else each is a ball; where two balls overlap, the nearer centre wins.

    Raises:
        LesionkitError: a finding lies outside of the grid.
    """
    known = handed.drawn()
    if known is not None:
        return np.where(known.array <= len(handed.balls), known.array, 0).astype(np.uint16)
    grid = handed.grid
    direction = np.array(grid.direction)
    where = tuple(np.concatenate([direction[:, 2], direction[:, 1]]).tolist())
    slices, height, width = grid.shape
    planes = [
        Plane(handed.path, i, (height, width), tuple(grid.index_to_world([i, 0, 0])), where, grid.spacing_mm[1:])
        for i in range(slices)
    ]
    labels = np.zeros(grid.shape, np.uint16)
    nearest = np.full(grid.shape, np.inf, np.float32)
    for disc in discs_of(handed, planes):
        place = (disc.plane, *disc.box)
        won = disc.inside & (disc.nearness < nearest[place])
        labels[place][won], nearest[place][won] = disc.ball, disc.nearness[won]
    return labels
