"""Lesions as they are drawn into patches: what a network that draws learns from."""

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Lesion

Form: TypeAlias = Literal["outline", "sphere", "cuboid", "radius = diameter"]
"""How a lesion is drawn: as somebody outlined it, where that is known, and else as a sphere; as a sphere of its
diameter; as system 0 coded it (row 0.28), a cuboid along the axes; as system 1 coded it (row 1.2), a sphere twice as
wide."""

Outline: TypeAlias = Callable[[Lesion, Grid], NDArray[np.float32] | None]
"""(lesion, grid of a patch) -> how far each sample (z, y, x) belongs to it, 0..1; None where nobody outlined it."""


def drawn(lesions: Sequence[Lesion], grid: Grid, form: Form, outline: Outline | None = None) -> NDArray[np.float32]:
    """How far each sample (z, y, x) of a grid belongs to a lesion, 0..1; lesions may reach into the grid from outside.

    >>> grid = Grid.upright((1, 1, 9), (1.0, 1.0, 1.0))
    >>> drawn([Lesion((4.0, 0.0, 0.0), 4.0)], grid, "sphere").ravel().tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    whole = np.zeros(grid.shape, np.float32)
    for lesion in lesions:
        known = outline(lesion, grid) if outline is not None and form == "outline" else None
        np.maximum(whole, _shape(lesion, grid, form) if known is None else known, out=whole)
    return whole


def _shape(lesion: Lesion, grid: Grid, form: Form) -> NDArray[np.float32]:
    """A lesion of which the centre and the diameter are known."""
    centre = grid.world_to_index(lesion.centre_mm)
    reach = lesion.diameter_mm if form == "radius = diameter" else lesion.radius_mm
    away = [(np.arange(n) - c) * s for n, c, s in zip(grid.shape, centre, grid.spacing_mm, strict=True)]
    mesh = np.meshgrid(*away, indexing="ij", sparse=True)
    if form == "cuboid":
        inside = (np.abs(mesh[0]) <= reach) & (np.abs(mesh[1]) <= reach) & (np.abs(mesh[2]) <= reach)
    else:
        inside = mesh[0] ** 2 + mesh[1] ** 2 + mesh[2] ** 2 <= reach**2
    nearest = np.rint(centre).astype(int)
    if not inside.any() and ((nearest >= 0) & (nearest < grid.shape)).all():
        # What is smaller than a sample is the sample that it lies in.
        inside[tuple(nearest)] = True
    return np.asarray(inside, np.float32)
