"""Regions of a slide -> DICOM Segmentation on a coarse level of its pyramid, in tiles."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import NothingFoundError, Outlines, Plane
from lesionkit.core.outline import Outline
from lesionkit.core.region import Region
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.write.handed.seg import NOTHING, save_seg, segment_of, segmentation_of
from lesionkit.write.handed.sources import read_sources, refuse_no_planes

_MOST_PX = 2**27


def write_seg_of_outlines(handed: Outlines, out: Path) -> list[Path]:
    """Write `CASE.seg.dcm`, a segment per region with its holes; see `segmentation_of_outlines`.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the slide is none of DICOM, gone, or has no level that can be drawn on.
    """
    return [save_seg(segmentation_of_outlines(handed), handed, out)]


def segmentation_of_outlines(handed: Outlines) -> Segmentation:
    """Segment i is region i on one level of the pyramid: the coarsest that is as fine as the map it was found on.

    A sample is inside where its centre is, and a region has one sample at least. Only tiles that hold something are
    kept.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the slide is none of DICOM, gone, or has no level that can be drawn on.
    """
    planes, found = handed.planes(), handed.regions()
    refuse_no_planes(handed, planes)
    if not found:
        raise NothingFoundError(f"{handed.case_id}: {NOTHING}")
    level, samples = _level(handed, planes)
    sources = read_sources([level])
    labels = _labels(handed, found, level, samples)
    um = 1000 * samples[0] * handed.grid.spacing_mm[0]
    segments = [
        segment_of(handed, sources[0], number, f"score {one.max_score:.4g}, drawn at {um:.3g} um per pixel")
        for number, one in enumerate(found, start=1)
    ]
    return segmentation_of(handed, [level], sources, labels[None], segments, "BINARY", tiled=True)


def _level(handed: Outlines, planes: Sequence[Plane]) -> tuple[Plane, tuple[float, float]]:
    """The level that is drawn on, and how many pixels of the finest one of its samples covers, down and across."""
    fit = [plane for plane in planes if len(plane.spacing_mm) == 2 and math.prod(plane.shape) <= _MOST_PX]
    if not fit or len(planes[0].spacing_mm) != 2:
        raise LesionkitError(
            f"{handed.path}: regions are drawn on a level that tells its PixelSpacing and has at most {_MOST_PX:,} "
            "pixels, but the slide has none; write it with coarser levels, or export to dicom-ann"
        )
    first = planes[0].spacing_mm
    covered = [(plane.spacing_mm[0] / first[0], plane.spacing_mm[1] / first[1]) for plane in fit]
    # A little more, for spacings are told in rounded figures.
    cell = 1.01 * handed.heat().grid.spacing_mm[0] / handed.grid.spacing_mm[0]
    fine = [number for number, samples in enumerate(covered) if max(samples) <= cell]
    chosen = fine[-1] if fine else 0
    return fit[chosen], covered[chosen]


def _labels(
    handed: Outlines, found: Sequence[Region], level: Plane, samples: tuple[float, float]
) -> NDArray[np.uint16]:
    """Labels (rows, columns) of a level; where two regions share a sample, the stronger has it."""
    if len(found) > np.iinfo(np.uint16).max:
        raise LesionkitError(f"{handed.path}: a segmentation holds at most 65,535 regions; export to dicom-ann")
    labels = np.zeros(level.shape, np.uint16)
    for number, one in enumerate(found, start=1):
        polygon = polygon_pixels(one.polygon_mm, handed.grid)
        ring, *holes = (each / samples[::-1] for each in (polygon.ring, *polygon.holes))
        drawn = Outline((ring,), tuple(holes)).sampled(1.0)
        row, column = drawn.corner
        top, left = max(row, 0), max(column, 0)
        part = labels[top : row + drawn.mask.shape[0], left : column + drawn.mask.shape[1]]
        inside = drawn.mask[top - row :, left - column :][: part.shape[0], : part.shape[1]]
        part[inside & (part == 0)] = number
    return labels
