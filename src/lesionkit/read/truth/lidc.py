"""LIDC-IDRI readings -> consensus lesions with votes, diameters and ratings, on the grid of their CT."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from skimage.draw import polygon, polygon_perimeter

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.read.truth.lidc_xml import Mark, read_lidc_file


class LidcSettings(Settings):
    """How the readers' marks become lesions."""

    agreement: float = Field(0.5, gt=0, le=1)
    """Share of readers that must have outlined a lesion, and a voxel of it: 0.5 is two of four; LUNA16 asks three."""


@dataclass(frozen=True, eq=False)
class LesionMask:
    """The voxels of one lesion: a box of the CT's grid, and a bool array of the box's shape."""

    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LidcReading:
    """What the readers of one series agree on.

    Attributes:
        lesions: nodules of 3 mm or more that enough readers outlined. Centre: of the consensus mask; diameter: of the
            ball of its volume. Facts: votes, readers (which), diameters_mm (one per outline), mean_diameter_mm (their
            mean, as in LUNA16), volume_mm3, and malignancy, texture, subtlety … (one per outline, 1..5 or 6).
        masks: consensus voxels of each lesion.
        excluded: nodules below 3 mm, non-nodules and nodules that too few outlined; `facts["why"]` says which.
    """

    series_uid: str
    study_uid: str
    readers: int
    lesions: tuple[Lesion, ...]
    masks: tuple[LesionMask, ...]
    excluded: tuple[Lesion, ...]

    def paint(self, shape: Sequence[int]) -> NDArray[np.uint8]:
        """A label map (z, y, x) of the CT's shape: lesion i is i + 1."""
        labels = np.zeros(tuple(shape), dtype=np.uint8)
        for number, lesion in enumerate(self.masks, start=1):
            labels[lesion.box][lesion.mask] = number
        return labels


@reads("a LIDC reading")
def read_lidc(path: Path, grid: Grid, settings: LidcSettings | None = None) -> LidcReading:
    """Consensus of the readers of one LIDC-IDRI series.

    An outline runs through the first pixels outside a nodule, so its own pixels do not count unless nothing would be
    left. Outlines of different readers are one lesion where their voxels overlap, directly or through a third; a voxel
    belongs to the consensus if enough readers have it. This reproduces published 50 % consensus masks.

    Args:
        grid: of the CT as it was read, not resampled: outlines are given in its rows and columns.

    Raises:
        LesionkitError: the file is no LIDC reading of a CT, or its marks do not lie on the grid.
    """
    file = read_lidc_file(path)
    needed = max(1, math.ceil((settings or LidcSettings()).agreement * file.readers - 1e-9))
    outlined = [mark for mark in file.marks if mark.is_outlined]
    try:
        drawn = [_draw(mark, grid) for mark in outlined]
        points = [_point(mark, grid) for mark in file.marks if not mark.is_outlined]
    except LesionkitError as error:
        raise LesionkitError(f"{path}: {error}") from error
    lesions: list[Lesion] = []
    doubtful: list[Lesion] = []
    masks: list[LesionMask] = []
    for group in _groups(drawn):
        marks = [outlined[i] for i in group]
        votes = len({mark.reader for mark in marks})
        merged = _consensus(marks, [drawn[i] for i in group], needed if votes >= needed else 1)
        facts = _facts(marks, [drawn[i] for i in group], grid)
        if votes >= needed:
            masks.append(merged)
            lesions.append(_lesion(merged, grid, f"{len(lesions) + 1}", facts))
        else:
            why = {"why": f"outlined by {votes} of {file.readers} readers"}
            doubtful.append(_lesion(merged, grid, marks[0].name, facts | why))
    excluded = (*doubtful, *points)
    return LidcReading(file.series_uid, file.study_uid, file.readers, tuple(lesions), tuple(masks), excluded)


def _slice_index(z_mm: float, grid: Grid) -> int:
    """The slice of an axial CT at a world z."""
    step = grid.direction[2][0] * grid.spacing_mm[0]
    if abs(grid.direction[2][0]) < 0.999:
        raise LesionkitError("LIDC outlines need the axial CT they were drawn on, got an oblique grid")
    index = (z_mm - grid.origin_mm[2]) / step
    if not -0.5 <= index <= grid.shape[0] - 0.5:
        last = grid.origin_mm[2] + step * (grid.shape[0] - 1)
        raise LesionkitError(
            f"a mark at z = {z_mm:g} mm lies outside the CT (z = {grid.origin_mm[2]:g} … {last:g} mm); "
            "do the reading and the CT belong together?"
        )
    return round(index)


def _draw(mark: Mark, grid: Grid) -> LesionMask:
    """The voxels inside a reader's outlines."""
    slices = [_slice_index(contour.z_mm, grid) for contour in mark.contours]
    points = np.concatenate([contour.points for contour in mark.contours])
    low, high = points.min(axis=0), points.max(axis=0) + 1
    if low.min() < 0 or (high > grid.shape[1:]).any():
        raise LesionkitError(f"the outline of '{mark.name}' leaves the {grid.shape[1]}x{grid.shape[2]} slices")
    box = (slice(min(slices), max(slices) + 1), slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
    shape = tuple(b.stop - b.start for b in box)
    mask = np.zeros(shape, dtype=bool)
    # Holes last: they cut what was drawn before.
    for contour, z in sorted(zip(mark.contours, slices, strict=True), key=lambda pair: not pair[0].included):
        plane = mask[z - box[0].start]
        rows, columns = (contour.points - low).T
        edge = np.zeros(plane.shape, dtype=bool)
        edge[polygon_perimeter(rows, columns, shape=plane.shape)] = True
        inside = np.zeros(plane.shape, dtype=bool)
        inside[polygon(rows, columns, shape=plane.shape)] = True
        if contour.included:
            plane |= (inside & ~edge) if (inside & ~edge).any() else (inside | edge)
        else:
            plane &= ~(inside | edge)
    return LesionMask(box, mask)


def _point(mark: Mark, grid: Grid) -> Lesion:
    contour = mark.contours[0]
    row, column = contour.points.mean(axis=0)
    why = "smaller than 3 mm" if mark.is_nodule else "non-nodule"
    centre = grid.index_to_world([_slice_index(contour.z_mm, grid), row, column])
    return Lesion(_as_tuple(centre), 0.0, lesion_id=mark.name, facts={"why": why, "readers": [mark.reader]})


def _groups(drawn: Sequence[LesionMask]) -> list[list[int]]:
    """Indices of masks that overlap, directly or through others."""
    group = list(range(len(drawn)))
    for i in range(len(drawn)):
        for j in range(i):
            if group[i] != group[j] and _overlap(drawn[i], drawn[j]):
                old, new = max(group[i], group[j]), min(group[i], group[j])
                group = [new if g == old else g for g in group]
    return [[i for i, g in enumerate(group) if g == name] for name in sorted(set(group))]


def _overlap(a: LesionMask, b: LesionMask) -> bool:
    shared = [(max(p.start, q.start), min(p.stop, q.stop)) for p, q in zip(a.box, b.box, strict=True)]
    if any(start >= stop for start, stop in shared):
        return False
    parts = [
        m.mask[tuple(slice(s - p.start, e - p.start) for (s, e), p in zip(shared, m.box, strict=True))] for m in (a, b)
    ]
    return bool((parts[0] & parts[1]).any())


def _consensus(marks: Sequence[Mark], drawn: Sequence[LesionMask], needed: int) -> LesionMask:
    """The voxels that at least `needed` readers have; two outlines of one reader count once."""
    bounds = [(min(d.box[a].start for d in drawn), max(d.box[a].stop for d in drawn)) for a in range(3)]
    votes = np.zeros([stop - start for start, stop in bounds], dtype=np.uint8)
    for reader in sorted({mark.reader for mark in marks}):
        own = np.zeros(votes.shape, dtype=bool)
        for mark, lesion in zip(marks, drawn, strict=True):
            if mark.reader == reader:
                place = tuple(slice(b.start - s, b.stop - s) for b, (s, _) in zip(lesion.box, bounds, strict=True))
                own[place] |= lesion.mask
        votes += own
    # Chains of outlines may have no voxel that enough readers share; then the strongest agreement there is counts.
    mask = votes >= min(needed, votes.max())
    return LesionMask(tuple(slice(start, stop) for start, stop in bounds), mask)


def _lesion(lesion: LesionMask, grid: Grid, name: str, facts: dict[str, Any]) -> Lesion:
    centre = np.argwhere(lesion.mask).mean(axis=0) + [b.start for b in lesion.box]
    volume = float(lesion.mask.sum() * grid.voxel_mm)
    facts = facts | {"volume_mm3": round(volume, 1)}
    return Lesion(_as_tuple(grid.index_to_world(centre)), _ball_diameter(volume), lesion_id=name, facts=facts)


def _facts(marks: Sequence[Mark], drawn: Sequence[LesionMask], grid: Grid) -> dict[str, Any]:
    readers = sorted({mark.reader for mark in marks})
    diameters = [round(_ball_diameter(float(d.mask.sum()) * grid.voxel_mm), 2) for d in drawn]
    ratings = {name: [m.ratings[name] for m in marks if name in m.ratings] for mark in marks for name in mark.ratings}
    return {
        "votes": len(readers),
        "readers": readers,
        "diameters_mm": diameters,
        "mean_diameter_mm": round(float(np.mean(diameters)), 2),
        **ratings,
    }


def _ball_diameter(volume_mm3: float) -> float:
    return float(np.cbrt(6 * volume_mm3 / math.pi))


def _as_tuple(place: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in place)
