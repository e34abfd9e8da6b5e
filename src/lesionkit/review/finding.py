"""What there is to decide on: the findings of one image, whatever form they were handed over in."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Handed, Mask, Outlines
from lesionkit.core.trace import Polygon, trace
from lesionkit.review.decision import Ring


@dataclass(frozen=True)
class Finding:
    """A place that a model or a reader holds to be a lesion.

    Attributes:
        finding_id: the same for the same place of the same image, whatever else was found.
        centre_mm: world (x, y[, z]).
        diameter_mm: of a ball; None where there is an outline, or nobody knows.
        rings_mm: its edge and its holes, vertices (x, y) in mm; none of a ball.
        score: what the model says; None of what a reader added.
    """

    finding_id: str
    centre_mm: tuple[float, ...]
    diameter_mm: float | None
    rings_mm: tuple[Ring, ...] = ()
    score: float | None = None

    @property
    def size_mm(self) -> float:
        """Its diameter, or that of the circle of the same area; 0 where nobody knows."""
        if self.rings_mm:
            return 2 * math.sqrt(max(ring_area(self.rings_mm[0]) - sum(map(ring_area, self.rings_mm[1:])), 0) / math.pi)
        return self.diameter_mm or 0.0


def ring_area(ring: Ring) -> float:
    """Area within a ring, by the shoelace formula.

    >>> ring_area(((0, 0), (2, 0), (2, 3), (0, 3)))
    6.0
    """
    x, y = np.array(ring, dtype=float).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def ring_centre(ring: Ring) -> tuple[float, float]:
    """Mean of the vertices of a ring."""
    x, y = np.array(ring, dtype=float).mean(axis=0).tolist()
    return x, y


def finding_id(case_id: str, centre_mm: Sequence[float]) -> str:
    """Name of a finding: a digest of its image and its place, to a hundredth of a micrometre."""
    told = "|".join([case_id, *(f"{value:.5f}" for value in centre_mm)])
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()[:12]


@singledispatch
def findings_of(handed: Handed) -> list[Finding]:
    """The findings of an image, strongest first.

    Raises:
        LesionkitError: a form of findings that cannot be reviewed.
    """
    raise LesionkitError(f"findings in the form {type(handed).__name__} cannot be reviewed")


@findings_of.register
def _(handed: Balls) -> list[Finding]:
    named = [(finding_id(handed.case_id, ball.centre_mm), ball) for ball in handed.balls]
    found = [Finding(name, ball.centre_mm, ball.diameter_mm, (), ball.score) for name, ball in named]
    return sorted(found, key=lambda one: -(one.score or 0))


@findings_of.register
def _(handed: Mask) -> list[Finding]:
    """Connected pieces, largest first; a radiograph has one score. Its world is its pixels, for many tell no size."""
    found = [_outlined(handed.case_id, piece, handed.score) for piece in trace(handed.mask())]
    return sorted(found, key=lambda one: -one.size_mm)


@findings_of.register
def _(handed: Outlines) -> list[Finding]:
    return [_outlined(handed.case_id, one.polygon_mm, one.max_score, one.centre_mm) for one in handed.regions()]


def _outlined(case_id: str, polygon: Polygon, score: float, centre: Sequence[float] | None = None) -> Finding:
    rings = tuple(tuple((float(x), float(y)) for x, y in ring) for ring in (polygon.ring, *polygon.holes))
    place = tuple(map(float, centre)) if centre is not None else ring_centre(rings[0])
    return Finding(finding_id(case_id, place), place, None, rings, score)
