"""What a kind of image gives to be reviewed on a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Generic, Literal

from lesionkit.core.grid import Grid
from lesionkit.core.handed import Handed
from lesionkit.recipes.searching import F, S
from lesionkit.review.consensus import Truth
from lesionkit.review.finding import Finding
from lesionkit.review.session import Picture, Shift, Volume


def _no_day(path: Path) -> date | None:
    del path
    return None


@dataclass(frozen=True)
class Reviewing(Generic[S, F]):
    """What a kind of image gives to be reviewed.

    Attributes:
        grid: (found): the lattice of what is shown, in whose world findings are.
        findings: (found, handed): what there is to decide on, strongest first.
        open: (handed): reads the image.
        write: (folder, pairs of found and truth): a data set that the kind trains on, in a new folder.
        of: whether operating points of the kind tell findings apart, or images.
        unit: of lengths in the world of the findings.
        reach_mm: what lies within it may be one place; in that unit.
        excludes: whether a data set can hold places that count neither way; else an image with open findings is left
            out.
        there: (path): whether an image is where it was.
        day: (path): when it was taken, where its file says.
        shift: (earlier, later, settings): lays one image of a patient upon another; None for not at all.
    """

    grid: Callable[[F], Grid]
    findings: Callable[[F, Any], Sequence[Finding]]
    open: Callable[[Any], Volume | Picture]
    write: Callable[[Path, Sequence[tuple[F, Truth]]], Sequence[Path]]
    of: Literal["finding", "image"] = "image"
    unit: Literal["mm", "px"] = "mm"
    reach_mm: float = 10.0
    excludes: bool = False
    there: Callable[[Path], bool] = Path.exists
    day: Callable[[Path], date | None] = _no_day
    shift: Callable[[Handed, Handed, S], Shift] | None = None
