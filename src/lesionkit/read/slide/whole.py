"""A whole slide as an image: `grid`, `read(box)`, and the levels of its pyramid.

Positions on a slide are mm from the top left corner of what is shown, (x, y); sample 0 of each level lies half a sample
inside, so a place is the same on every level. µm per pixel (mpp) stay in this room; outside it is `spacing_mm`.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.settings import Settings
from lesionkit.core.untrusted import reads
from lesionkit.read.slide.level import ScaledLevel, SlideLevel, Source, same_spacing, scaled
from lesionkit.read.slide.mpp import pixel_um
from lesionkit.read.slide.openslide import TILED, open_with_openslide, vendor_of
from lesionkit.read.slide.tiff import open_tiff

_BAND_PX = 2**24
_LARGE_LEVEL_PX = 2**26


class SlideOptions(Settings):
    """How slides are opened."""

    mpp: float | None = Field(default=None, gt=0)
    """µm per pixel of the finest level of slides that do not say it."""
    mpp_override: float | None = Field(default=None, gt=0)
    """µm per pixel of the finest level of every slide, whatever it says."""
    crop_to_bounds: bool = True
    """Only where the scanner saw something, as QuPath shows it; else positions count from the file's own corner."""


@dataclass(frozen=True, eq=False)
class Slide:
    """A whole slide; itself an `Image`, that of its finest level.

    Attributes:
        levels: from the finest to the coarsest.
        mpp_from: "option", "vendor tag", "OME" or "TIFF resolution".
        origin_xy: where the shown part begins in the file, in pixels of the finest level. Outlines of CAMELYON count
            from the file's corner, QuPath from the shown part's.
        warnings: what is odd about the file, in sentences.
    """

    path: Path
    levels: tuple[SlideLevel, ...]
    mpp_from: str
    origin_xy: tuple[int, int]
    warnings: tuple[str, ...]

    @property
    def grid(self) -> Grid:
        """That of the finest level."""
        return self.levels[0].grid

    def read(self, box: Box) -> NDArray[np.uint8]:
        """uint8 RGB (rows, columns, 3) of a box of the finest level."""
        return self.levels[0].read(box)

    @property
    def unreadable(self) -> int:
        """Tiles that this process could not read and took for white."""
        return sum(failed for _, failed in self._counts())

    @property
    def unreadable_share(self) -> float:
        """Which share of the tiles that this process asked for it could not read; 0 where it asked for none."""
        asked = sum(asked for asked, _ in self._counts())
        return self.unreadable / asked if asked else 0.0

    def refuse_unread(self) -> None:
        """Refuse a slide of which a level was asked for and no tile of it could be read: nothing was looked at.

        Raises:
            LesionkitError: such a slide.
        """
        for level, (asked, failed) in enumerate(self._counts()):
            if 0 < asked == failed:
                raise LesionkitError(
                    f"{self.path}: none of the {asked} tiles that were asked for at level {level} could be decoded, so "
                    "nothing was looked at; copy the file again, or export it as 8-bit RGB"
                )

    def _counts(self) -> list[tuple[int, int]]:
        return [level.source.counts(level.level) for level in self.levels]

    def at(self, level: int) -> SlideLevel:
        """A level by number, 0 is the finest.

        Raises:
            LesionkitError: there is no such level.
        """
        if not 0 <= level < len(self.levels):
            raise LesionkitError(f"{self.path} has the levels 0 to {len(self.levels) - 1}, got {level}")
        return self.levels[level]

    def at_spacing(self, um: float) -> SlideLevel | ScaledLevel:
        """The slide at so many µm per pixel: a level within 5 %, else a finer level, averaged.

        The grid says what it came to: of a slide of 0.499 µm per pixel, 1 µm is 0.998.

        Raises:
            LesionkitError: the slide is coarser than that.
        """
        spacing = um / 1000
        own = [max(level.grid.spacing_mm) for level in self.levels]
        if not (math.isfinite(um) and (spacing > own[0] or same_spacing(own[0], spacing))):
            raise LesionkitError(
                f"{self.path} has {own[0] * 1000:.4g} µm per pixel at best, got {um:g} as wanted; ask for "
                f"{own[0] * 1000:.4g} or more, or correct the size of its pixels by --mpp-override"
            )
        nearest = int(np.argmin(np.abs(np.log(np.array(own) / spacing))))
        if same_spacing(own[nearest], spacing):
            return self.levels[nearest]
        finer = [scaled(level, spacing) for level, one in zip(self.levels, own, strict=True) if one <= spacing]
        # Whole pixels of a finer level rather than shares of a coarser one.
        return next((image for image in finer[::-1] if image.is_whole), finer[-1])

    def overview(self, max_px: int = 2**20, min_spacing_um: float = 0.0) -> ArrayImage:
        """The whole slide, made small in memory.

        It is read in bands from the coarsest level that is fine enough, so that memory stays bounded also for a slide
        of one level.

        Args:
            max_px: pixels of the result at most.
            min_spacing_um: µm per pixel at least.
        """
        area = math.prod(self.grid.size_mm)
        spacing = max(math.sqrt(area / max_px), min_spacing_um / 1000, max(self.grid.spacing_mm))
        image = self.at_spacing(spacing * 1000)
        rows, columns = image.grid.shape
        read_px = math.prod(image.level.grid.shape) if isinstance(image, ScaledLevel) else rows * columns
        band = max(1, int(_BAND_PX / (read_px / rows)))
        bands = [
            image.read((slice(start, min(start + band, rows)), slice(0, columns))) for start in range(0, rows, band)
        ]
        return ArrayImage(image.grid, np.concatenate(bands))


@reads("a slide")
def open_slide(path: Path, options: SlideOptions | None = None) -> Slide:
    """Open a slide: tiled TIFF and SVS tile by tile, every other format by OpenSlide.

    Nothing but the header is read, and no file stays open. A tile that cannot be read is white and counted.

    Raises:
        LesionkitError: no such file, no slide, a broken header, no tile within the file, no µm per pixel.
    """
    path, options = Path(path), options or SlideOptions()
    if not path.exists():
        raise LesionkitError(f"{path} must be a slide, but there is no such file")
    source = _source(path, options)
    um, mpp_from = pixel_um(path, options.mpp, source.tags, options.mpp_override)
    levels = tuple(_level(source, level, um) for level in range(len(source.shapes)))
    warnings = [*source.warnings, *_unheard(path, um[1], options, mpp_from)]
    if len(levels) == 1:
        height, width = levels[0].grid.shape
        cost = "; its overview is computed from all of it" if height * width > _LARGE_LEVEL_PX else ""
        warnings.append(f"{path.name} has one level only, of {width} x {height} pixels{cost}")
    return Slide(path, levels, mpp_from, source.origin_xy, tuple(warnings))


def _unheard(path: Path, um: float, options: SlideOptions, mpp_from: str) -> list[str]:
    """That a slide says another size of its pixels than was given for slides that say none."""
    if options.mpp is None or mpp_from == "option" or same_spacing(um, options.mpp):
        return []
    return [
        f"{path.name} says {um:.4g} µm per pixel itself ({mpp_from}), so --mpp {options.mpp:g} was not used for it; "
        "--mpp-override insists"
    ]


def _source(path: Path, options: SlideOptions) -> Source:
    vendor = vendor_of(path)
    is_tiff = path.suffix.lower() in (".tif", ".tiff", ".svs")
    if vendor in TILED or (vendor is None and is_tiff):
        source = open_tiff(path)
        if source is not None:
            return source
    return open_with_openslide(path, options.crop_to_bounds)


def _level(source: Source, level: int, um: tuple[float, float]) -> SlideLevel:
    downsample = source.downsamples[level]
    spacing = tuple(value / 1000 * downsample for value in um)
    grid = Grid.upright(source.shapes[level], spacing, (spacing[1] / 2, spacing[0] / 2))
    return SlideLevel(source, level, downsample, grid)
