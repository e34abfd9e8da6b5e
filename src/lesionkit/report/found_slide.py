"""What the report is told of one slide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.core.region import Region


class SlideMap(Protocol):
    """A probability per cell of a coarse grid, and where it was computed."""

    @property
    def grid(self) -> Grid: ...
    @property
    def array(self) -> NDArray[Any]: ...
    @property
    def computed(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, eq=False)
class SlideTruth:
    """What is known of a slide.

    Attributes:
        positive: whether it holds tumour.
        tumour: where, in pixels of the finest level of what is shown; None where only the label is known, or where it
            is healthy.
    """

    positive: bool
    tumour: Outline | SlideMask | None = None


@dataclass(frozen=True, eq=False)
class FoundSlide:
    """One slide with what was found on it.

    Attributes:
        case_id: unique in the report.
        grid: of the slide's finest level.
        overview: reads the whole slide, small: uint8 RGB (rows, columns, 3), best at some 1,500 pixels a side.
        map: probability of tumour, on a grid of the same world.
        score: of the slide.
        marks: of lesions, in world mm, the strongest first.
        regions: with outlines, in any order.
        tissue: boolean mask on any grid of the same world; None where it was not looked for.
        truth: None where nobody looked.
        crop: reads a square uint8 RGB (n, n, 3) around a mark at `crop_um`, 128 to 256 pixels; white beyond the slide.
            None for no pictures of marks.
        crop_um: µm per pixel of these.
        origin_xy: where what is shown begins in the file, in pixels of the finest level.
        facts: what else to say. Known keys, all optional: "warnings" (list of sentences), "areas_mm2" (what is tissue
            and what was excluded, mm2 by name), "unreadable_tiles" (a number), "seconds" (stage -> seconds),
            "settings", "versions" and "model" (nested mappings). Others are listed as they are.
    """

    case_id: str
    grid: Grid
    overview: Callable[[], ArrayImage]
    map: SlideMap
    score: float
    marks: Sequence[Candidate] = ()
    regions: Sequence[Region] = ()
    tissue: ArrayImage | None = None
    truth: SlideTruth | None = None
    crop: Callable[[Candidate], NDArray[np.uint8]] | None = None
    crop_um: float = 1.0
    origin_xy: tuple[int, int] = (0, 0)
    facts: Mapping[str, Any] = field(default_factory=dict)
