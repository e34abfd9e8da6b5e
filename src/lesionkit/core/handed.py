"""What is handed over: the findings of one image in the form that its kind gives, and how its pixels are got again.

A form is a type: balls in a volume, a mask on a picture, outlines on a slide. What writes a file format says which
forms it can write, so neither knows of kinds of images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image
from lesionkit.core.lesion import Candidate, Kind
from lesionkit.core.region import Region


class NothingFoundError(LesionkitError):
    """A format cannot hold that nothing was found; no fault of anybody."""


@dataclass(frozen=True)
class Plane:
    """One DICOM image, or one frame of a multi-frame one: where it lies and which file holds it.

    Attributes:
        frame: number of the frame within its file, from 0.
        shape: rows and columns.
        position_mm: world (x, y, z) of the centre of the first pixel; empty where the file does not tell.
        orientation: world directions of growing column index and of growing row index, three each; may be empty.
        spacing_mm: distance between rows, between columns; may be empty.
    """

    path: Path
    frame: int
    shape: tuple[int, int]
    position_mm: tuple[float, ...] = ()
    orientation: tuple[float, ...] = ()
    spacing_mm: tuple[float, ...] = ()


@dataclass(frozen=True)
class Maker:
    """What made the findings.

    Attributes:
        recipe: "ct-nodule".
        version: of lesionkit when the run began.
        model: name of the file of weights.
        model_sha256, card_sha256: of the weights, and of what their card says; "" where unknown.
        made_at: when the run began.
        readers: who corrected the findings; none where they are as they were found.
    """

    recipe: str
    version: str
    model: str
    model_sha256: str
    card_sha256: str
    made_at: datetime
    readers: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """What tells this result from that of other weights, name -> value."""
        told = {"model": self.model, "model sha256": self.model_sha256, "model card sha256": self.card_sha256}
        told |= {"corrected by": ", ".join(self.readers)}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, eq=False, kw_only=True)
class Handed:
    """The findings of one image.

    Attributes:
        path: of the image.
        lesion: what was looked for.
        maker: what made the findings.
        case: reads the image again; raises LesionkitError where it is gone or another one.
        planes: the DICOM images that it was read from, in the order of the array; none where it was no DICOM.
    """

    case_id: str
    patient_id: str
    path: Path
    lesion: Kind
    maker: Maker
    case: Callable[[], Case]
    planes: Callable[[], Sequence[Plane]]

    line_is_of_findings: ClassVar[bool] = True
    """Whether an operating point tells findings that count from those that do not, or only images."""

    def above(self, threshold: float) -> Self:
        """What has at least this score."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False, kw_only=True)
class Balls(Handed):
    """Balls in a volume.

    Attributes:
        grid: of the volume as it is on disk.
        balls: strongest first.
        drawn: reads what a network drew of them, finding i with label i on that grid; None where none did.
    """

    grid: Grid
    balls: tuple[Candidate, ...]
    drawn: Callable[[], ArrayImage | None] = lambda: None

    def above(self, threshold: float) -> Self:
        return replace(self, balls=tuple(ball for ball in self.balls if ball.score >= threshold))


@dataclass(frozen=True, eq=False, kw_only=True)
class Mask(Handed):
    """A mask on a picture.

    Attributes:
        score: that there is a lesion at all, 0..1.
        shape: rows and columns.
        mask: reads what was found (rows, columns).
        heat: reads the probability 0..1 (rows, columns).
    """

    score: float
    shape: tuple[int, int]
    mask: Callable[[], NDArray[np.bool_]]
    heat: Callable[[], Image]

    def above(self, threshold: float) -> Self:
        return self if self.score >= threshold else replace(self, mask=partial(_empty, self.shape))


def _empty(shape: tuple[int, int]) -> NDArray[np.bool_]:
    return np.zeros(shape, dtype=bool)


@dataclass(frozen=True, eq=False, kw_only=True)
class Outlines(Handed):
    """Outlined regions of a slide.

    Attributes:
        grid: of the finest level of what is shown.
        regions: reads them, strongest first, in mm from the corner of what is shown.
        heat: reads the probability map 0..1.
    """

    line_is_of_findings = False
    grid: Grid
    regions: Callable[[], Sequence[Region]]
    heat: Callable[[], Image]

    def above(self, threshold: float) -> Self:
        return replace(self, regions=lambda: [one for one in self.regions() if one.max_score >= threshold])
