"""What a page shows: the images of a run with their findings, and where decisions go. Made by a recipe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import Image
from lesionkit.review.agreement import Compared
from lesionkit.review.finding import Finding
from lesionkit.review.store import DecisionStore


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume that is looked through in three planes.

    Attributes:
        samples: int16 (z, y, x), upright: z grows to the head, y to the back, x to the patient's left.
        windows: name -> centre and width of what is shown from black to white; the first is shown first.
    """

    grid: Grid
    samples: NDArray[np.int16]
    windows: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture of any size that is shown tile by tile.

    Attributes:
        grid: of the finest level.
        at: (k) -> the picture about 2^k times smaller, uint8 (rows, columns) or (rows, columns, 3).
    """

    grid: Grid
    at: Callable[[int], Image]


@dataclass(frozen=True, eq=False)
class Sheet:
    """One image of a run on its way to the page.

    Attributes:
        grid: of what is shown, 3-D of a volume, 2-D of a picture; findings are in its world.
        findings: strongest first.
        open: reads the image; raises LesionkitError where it is gone or another.
        unit: of lengths in the world of the findings.
        score: of the image as a whole; None where only findings have one.
        day: when it was taken, where the file says.
        missing: why it cannot be shown, in a sentence; "" where it is there.
        warnings: of the search, in sentences.
    """

    case_id: str
    patient_id: str
    path: Path
    grid: Grid
    findings: Sequence[Finding]
    open: Callable[[], Volume | Picture]
    unit: Literal["mm", "px"] = "mm"
    score: float | None = None
    day: date | None = None
    missing: str = ""
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Point:
    """A threshold that the model carries, with what it gave on its validation.

    Attributes:
        told: "sensitivity 0.91 (0.85 to 0.95)", a sentence each.
    """

    name: str
    threshold: float
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """Where findings are told from weaker ones.

    Attributes:
        points: operating points of the model.
        threshold: of the run; None where nothing decides.
        of: whether points hold for findings, or for images as a whole.
        why: where there are no points, in a sentence.
    """

    points: tuple[Point, ...] = ()
    threshold: float | None = None
    name: str = ""
    of: Literal["finding", "image"] = "finding"
    why: str = ""

    @property
    def shown_from(self) -> float | None:
        """The score from which findings are shown when the page opens; None for all."""
        return self.threshold if self.of == "finding" else None


@dataclass(frozen=True)
class Shift:
    """What lays one image upon another.

    Attributes:
        shift_mm: world (x, y, z), added to places of the first.
        method: how it was found, in a sentence.
    """

    shift_mm: tuple[float, ...]
    method: str


@dataclass(frozen=True, eq=False)
class Session:
    """A run on the page of one reader.

    Attributes:
        noun: what one image is called: "scan".
        lesion: what is looked for: "nodule".
        reach_mm: places of two readers, or of two images of a patient, within this distance may be one.
        shift: (earlier, later) lays one image upon another; None where the kind of image cannot.
        agreement: (readers, places) -> how far readers agree, as JSON holds it.
    """

    title: str
    noun: str
    lesion: str
    reader: str
    sheets: Sequence[Sheet]
    store: DecisionStore
    line: Line = field(default_factory=Line)
    reach_mm: float = 10.0
    shift: Callable[[Sheet, Sheet], Shift] | None = None
    agreement: Callable[[Sequence[str], Sequence[Compared]], Mapping[str, Any]] | None = None

    def sheet(self, number: int) -> Sheet:
        """An image by its place in the list.

        Raises:
            LesionkitError: there is none.
        """
        if not 0 <= number < len(self.sheets):
            raise LesionkitError(f"there are {len(self.sheets)} {self.noun}s, got number {number + 1}")
        return self.sheets[number]
