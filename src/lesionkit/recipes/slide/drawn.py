"""What is known of a slide -> tumour on its pixels, checked to be that of this slide."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, Ring, SlideMask, clip_ring
from lesionkit.core.settings import Settings
from lesionkit.read.slide.set import SlideEntry
from lesionkit.read.slide.whole import Slide, SlideOptions, open_slide
from lesionkit.read.truth.camelyon import read_lesion_annotations
from lesionkit.sample.slide_grid import Annotated

_SAMPLED = 16.0
_LEAST_SHARE = 0.5


class TruthSettings(Settings):
    """How drawn tumour is read."""

    mask_downsample: float = Field(default=16.0, ge=1)
    """Pixels of the finest level per sample of masks that do not tell (PNG, NumPy)."""
    outlines_first: bool = True
    """Of a slide with outlines and a mask, take the outlines."""


@dataclass(frozen=True, eq=False)
class SlideTruth:
    """The tumour of a slide that was looked at.

    Attributes:
        tumour: in pixels of the finest level from the corner of the file, as CAMELYON counts.
        annotated: the same for the patches of the slide as it is shown.
        notes: what was left out or cut of what is drawn, in sentences.
    """

    tumour: Outline | SlideMask
    annotated: Annotated
    notes: tuple[str, ...] = ()

    @property
    def has_tumour(self) -> bool:
        """Whether anything is drawn."""
        return self.tumour.has_tumour


def read_truth(entry: SlideEntry, slide: Slide, settings: TruthSettings) -> SlideTruth | None:
    """The tumour of a slide; None where nobody drew it and it is not known to be healthy.

    Raises:
        LesionkitError: drawn for another slide, drawn on a slide that is labelled healthy, or not on one that is
            labelled tumour.
    """
    path = entry.annotation if settings.outlines_first else entry.mask or entry.outline
    if path is None:
        return _truth(Outline(), slide, (0, 0)) if entry.label is False else None
    tumour = next(iter(read_lesion_annotations(path, settings.mask_downsample).values()))
    if entry.label is not None and tumour.has_tumour != entry.label:
        raise LesionkitError(
            f"{path.name} {'holds' if tumour.has_tumour else 'holds no'} tumour, but the slide '{entry.slide_id}' is "
            f"labelled {'tumour' if entry.label else 'healthy'}; correct one of them"
        )
    whole = _whole_size(slide)
    if isinstance(tumour, Outline):
        outline = _within(path, _from_file(tumour, slide.origin_xy), whole)
        notes = tuple(f"{path.name}: {note}" for note in outline.notes)
        return replace(_truth(outline, slide, slide.origin_xy), notes=notes)
    return _truth(tumour, slide, _mask_origin(path, tumour, slide, whole))


def _truth(tumour: Outline | SlideMask, slide: Slide, origin_xy: tuple[int, int]) -> SlideTruth:
    """Args: origin_xy: where the shown part begins, in the frame that the tumour is drawn in."""
    sampled = tumour.sampled(_SAMPLED) if isinstance(tumour, Outline) else tumour
    annotated = Annotated(sampled, slide.grid, origin_xy)
    if isinstance(tumour, SlideMask) and origin_xy != slide.origin_xy:
        x, y = slide.origin_xy
        row, column = tumour.corner
        step = tumour.downsample
        size = tumour.size_xy and (tumour.size_xy[0] + x, tumour.size_xy[1] + y)
        tumour = SlideMask(tumour.mask, step, (row + round(y / step), column + round(x / step)), size)
    return SlideTruth(tumour, annotated)


def _whole_size(slide: Slide) -> tuple[int, int]:
    """Width and height of the file's finest level, whatever of it is shown."""
    if slide.origin_xy == (0, 0):
        height, width = slide.grid.shape
    else:
        um = slide.grid.spacing_mm[0] * 1000
        height, width = open_slide(slide.path, SlideOptions(mpp_override=um, crop_to_bounds=False)).grid.shape
    return width, height


def _from_file(outline: Outline, origin_xy: tuple[int, int]) -> Outline:
    """An outline from the corner of the file, though QuPath counts from that of what is shown."""
    if not outline.from_shown or origin_xy == (0, 0):
        return outline
    rings, holes = (tuple(ring + origin_xy for ring in part) for part in (outline.rings, outline.holes))
    return replace(outline, rings=rings, holes=holes, from_shown=False)


def _within(path: Path, outline: Outline, size: tuple[int, int]) -> Outline:
    """An outline cut at the right and lower edges of its slide.

    Raises:
        LesionkitError: most of it lies beyond them.
    """
    beyond = [ring for ring in (*outline.rings, *outline.holes) if (ring > size).any()]
    if not beyond:
        return outline
    rings, holes = (
        tuple(cut for ring in part if len(cut := clip_ring(ring, (0, 0), size)) >= 3)
        for part in (outline.rings, outline.holes)
    )
    if sum(map(_area, rings)) < _LEAST_SHARE * sum(map(_area, outline.rings)):
        far = np.max(beyond[0], axis=0)
        raise LesionkitError(
            f"an outline of {path} reaches x, y = {far[0]:.0f}, {far[1]:.0f}, beyond its slide of {size[0]} x "
            f"{size[1]} pixels, and so does most of what is drawn; is it of another slide, or not in pixels of the "
            "finest level?"
        )
    count = len(outline.rings) + len(outline.holes)
    note = f"cut off at the slide's right or lower edge: {len(beyond)} of {count} outlines"
    return replace(outline, rings=rings, holes=holes, notes=(*outline.notes, note))


def _area(ring: Ring) -> float:
    x, y = ring.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _mask_origin(path: Path, mask: SlideMask, slide: Slide, whole: tuple[int, int]) -> tuple[int, int]:
    """Where the shown part begins in the frame of the mask: masks are drawn on the whole file, or on what is shown.

    Raises:
        LesionkitError: the mask has the size of neither.
    """
    if mask.size_xy is None:
        return slide.origin_xy
    height, width = slide.grid.shape
    for size, origin in (((width, height), (0, 0)), (whole, slide.origin_xy)):
        # Sizes are rounded up or down, and by OpenSlide level by level.
        if (np.abs(np.array(mask.size_xy) - size) <= 2 * mask.downsample).all():
            return origin
    got, step = np.array(mask.size_xy) / mask.downsample, mask.downsample
    raise LesionkitError(
        f"the mask {path} must be 1/{step:g} of its slide, {width / step:.0f} x {height / step:.0f} samples (width x "
        f"height), got {got[0]:.0f} x {got[1]:.0f}; is it of another slide, or truth.mask_downsample not "
        f"{step:g}?"
    )
