"""What readers hold to be true, in the form that findings are handed over in; so every format takes it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial, singledispatch

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Handed, Mask, Outlines
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import fill_ring, joined_ring
from lesionkit.core.region import Region
from lesionkit.core.trace import Polygon
from lesionkit.review.consensus import Judged
from lesionkit.review.finding import Finding

CERTAIN = 1.0
"""The score of what readers accept."""


@singledispatch
def corrected(handed: Handed, lesions: Sequence[Judged]) -> Handed:
    """The findings of an image replaced by what readers accept.

    Raises:
        LesionkitError: a form of findings that cannot be reviewed.
    """
    del lesions
    raise LesionkitError(f"findings in the form {type(handed).__name__} cannot be reviewed")


@corrected.register
def _(handed: Balls, lesions: Sequence[Judged]) -> Handed:
    found = [one.finding for one in lesions]
    return replace(handed, balls=tuple(Candidate(one.centre_mm, CERTAIN, one.diameter_mm) for one in found))


@corrected.register
def _(handed: Mask, lesions: Sequence[Judged]) -> Handed:
    score = CERTAIN if lesions else 0.0
    return replace(handed, score=score, mask=partial(filled, [one.finding for one in lesions], handed.shape))


@corrected.register
def _(handed: Outlines, lesions: Sequence[Judged]) -> Handed:
    regions = [_region(one.finding) for one in lesions]
    return replace(handed, regions=lambda: regions)


def filled(findings: Sequence[Finding], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (rows, columns) of findings whose outlines are in pixels, without their holes."""
    mask = np.zeros(shape, dtype=bool)
    for one in findings:
        polygon = polygon_of(one)
        mask |= fill_ring(joined_ring(polygon.ring, polygon.holes), shape)
    return mask


def polygon_of(finding: Finding) -> Polygon:
    """The outline of a finding.

    Raises:
        LesionkitError: it has none.
    """
    if not finding.rings_mm:
        raise LesionkitError(f"finding {finding.finding_id} must have an outline, got none; draw it again")
    ring, *holes = (np.array(ring, dtype=float) for ring in finding.rings_mm)
    return Polygon(ring, tuple(holes), 1)


def _region(finding: Finding) -> Region:
    polygon = polygon_of(finding)
    length = float(np.ptp(polygon.ring, axis=0).max())
    area = np.pi * finding.size_mm**2 / 4
    return Region(polygon, finding.centre_mm, CERTAIN, CERTAIN, float(area), length)
