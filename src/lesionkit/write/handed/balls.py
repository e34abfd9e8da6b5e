"""Balls in the world -> discs on the slices of a series, each at the place that it has itself.

Nothing is resampled: a slice is painted by where its own header puts it. So flipped, oblique, unevenly spaced and
sheared series (gantry tilt) are right by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Plane

UNKNOWN_MM = 5.0
"""Diameter of what is drawn where the detector tells none."""


@dataclass(frozen=True, eq=False)
class Disc:
    """What a slice cuts out of a ball.

    Attributes:
        ball: its number, from 1. plane: number of the slice, from 0.
        box: rows and columns of the slice around the disc.
        inside: which samples of the box are covered.
        nearness: distance of each sample of the box from the centre of the ball, in radii.
    """

    ball: int
    plane: int
    box: tuple[slice, slice]
    inside: NDArray[np.bool_]
    nearness: NDArray[np.float64]


def discs_of(handed: Balls, planes: Sequence[Plane]) -> list[Disc]:
    """The discs of all balls, ball by ball.

    A ball covers the samples whose centres lie in it, and on the nearest slice at least one.

    Raises:
        LesionkitError: a plane has no place in the world, or a ball touches none.
    """
    lost = next((plane for plane in planes if not (plane.position_mm and plane.orientation and plane.spacing_mm)), None)
    if lost is not None:
        raise LesionkitError(
            f"{lost.path}: a slice needs ImagePositionPatient, ImageOrientationPatient and PixelSpacing to be drawn on"
        )
    axes = np.array([_axes(plane) for plane in planes])
    origins = np.array([plane.position_mm for plane in planes])
    discs: list[Disc] = []
    for number, ball in enumerate(handed.balls, start=1):
        # (plane, axis): how far the centre lies along columns, along rows and beside the plane.
        place = np.einsum("pwa,pw->pa", axes, np.asarray(ball.centre_mm) - origins)
        radius = (ball.diameter_mm or UNKNOWN_MM) / 2
        nearest = int(np.abs(place[:, 2]).argmin())
        touched = sorted({*np.flatnonzero(np.abs(place[:, 2]) < radius).tolist(), nearest})
        cut = [_disc(planes[i], place[i], radius, number, i) for i in touched]
        kept = [disc for disc in cut if disc is not None]
        if not kept:
            x, y, z = ball.centre_mm
            raise LesionkitError(
                f"{handed.path}: finding {number} at ({x:.1f}, {y:.1f}, {z:.1f}) mm lies outside of the images; are "
                "these the images that were searched?"
            )
        discs += kept
    return discs


def labels_of(discs: Sequence[Disc], planes: Sequence[Plane]) -> dict[int, NDArray[np.uint16]]:
    """Labels (rows, columns) of the slices that are touched, by the number of the slice; ball i has label i.

    A sample in two balls belongs to the one whose centre is nearer, measured in their radii.
    """
    labels = {disc.plane: np.zeros(planes[disc.plane].shape, np.uint16) for disc in discs}
    nearest = {number: np.full(planes[number].shape, np.inf) for number in labels}
    for disc in discs:
        won = disc.inside & (disc.nearness < nearest[disc.plane][disc.box])
        labels[disc.plane][disc.box][won] = disc.ball
        nearest[disc.plane][disc.box][won] = disc.nearness[won]
    return labels


def _axes(plane: Plane) -> NDArray[np.float64]:
    """World directions (world, axis) of growing column index, growing row index and the normal."""
    along_columns, along_rows = np.array(plane.orientation[:3]), np.array(plane.orientation[3:])
    return np.stack([along_columns, along_rows, np.cross(along_columns, along_rows)], axis=1)


def _disc(plane: Plane, place: NDArray[np.float64], radius: float, ball: int, number: int) -> Disc | None:
    """What a plane cuts out of a ball; None where that lies beside its samples.

    Args:
        place: how far the centre lies along columns, along rows and beside the plane, in mm.
    """
    rows_mm, columns_mm = plane.spacing_mm
    column, row = place[0] / columns_mm, place[1] / rows_mm
    # Where the nearest slice misses the ball, its disc is one sample.
    reach = float(np.sqrt(max(radius**2 - place[2] ** 2, 0.0)))
    spans = []
    for centre, spacing, size in ((row, rows_mm, plane.shape[0]), (column, columns_mm, plane.shape[1])):
        first, last = int(np.ceil(centre - reach / spacing)), int(np.floor(centre + reach / spacing))
        nearest = int(np.rint(centre))
        span = slice(max(min(first, nearest), 0), min(max(last, nearest) + 1, size))
        if span.start >= span.stop:
            return None
        spans.append(span)
    box = (spans[0], spans[1])
    down, across = np.ogrid[box]
    away = ((down - row) * rows_mm) ** 2 + ((across - column) * columns_mm) ** 2
    inside = away <= reach**2
    if not inside.any():
        inside = away == away.min()
    return Disc(ball, number, box, inside, np.sqrt(away + place[2] ** 2) / radius)
