"""Every format OpenSlide knows: mrxs, ndpi, scn, bif, DICOM, Philips, Trestle …"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.read.slide.colour import WHITE, on_glass
from lesionkit.read.slide.handles import HANDLES

TILED = ("aperio", "generic-tiff")
"""What OpenSlide calls the formats whose tiles are an image each, so that they need no OpenSlide."""

_SMALLEST = 256
_PLACE = "openslide.bounds-"


@dataclass(frozen=True)
class OpenSlideSource:
    """The levels of a slide as OpenSlide sees them. Holds no open file, so it can be sent to another process.

    Attributes:
        shapes: rows and columns of the levels within the bounds, the finest first.
        downsamples: pixels of the finest level per pixel of each.
        origin_xy: where the bounds begin, in pixels of the finest level.
        stamp: when the file was changed; a file that was written anew is opened anew.
        background: RGB where the scanner saw nothing.
    """

    path: Path
    shapes: tuple[tuple[int, int], ...]
    tile_shapes: tuple[tuple[int, int], ...]
    downsamples: tuple[float, ...]
    origin_xy: tuple[int, int]
    tags: Mapping[str, str]
    stamp: int
    background: tuple[int, int, int] = (WHITE, WHITE, WHITE)
    warnings: tuple[str, ...] = ()

    def read(self, level: int, box: Box) -> NDArray[np.uint8]:
        """RGB (rows, columns, 3) of a box of a level; white where it cannot be read."""
        rows, columns = box
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        if min(shape) < 1:
            return np.empty((*shape, 3), dtype=np.uint8)
        file = self._file()
        file.asked[level][_parts(box)] = True
        corner = tuple(
            origin + round(start * self.downsamples[level])
            for origin, start in zip(self.origin_xy, (columns.start, rows.start), strict=True)
        )
        try:
            picture = file.slide.read_region(corner, level, shape[::-1])
        except openslide.OpenSlideError:
            return self._read_parts(level, box, file)
        rgba = np.asarray(picture)
        return on_glass(rgba[..., :3], rgba[..., 3:], self.background)

    def counts(self, level: int) -> tuple[int, int]:
        """Parts of 256 x 256 pixels of a level that this process asked for, and how many could not be read."""
        file = self._file()
        return int(file.asked[level].sum()), int(file.failed[level].sum())

    def places(self, level: int) -> NDArray[np.int64]:
        """The order in which tiles (row, column) are best read: row by row; where they lie is not known."""
        rows, columns = (
            -(-size // side) for size, side in zip(self.shapes[level], self.tile_shapes[level], strict=True)
        )
        return np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)

    def _read_parts(self, level: int, box: Box, file: "_OpenSlide") -> NDArray[np.uint8]:
        """After an error, which OpenSlide never forgives: open anew and halve the box until what is broken is small."""
        file.reopen()
        sides = [part.stop - part.start for part in box]
        if max(sides) <= _SMALLEST:
            file.failed[level][_parts(box)] = True
            return np.full((*sides, 3), WHITE, dtype=np.uint8)
        axis = int(np.argmax(sides))
        # On multiples of the smallest part, so that parts of neighbouring boxes are the same ones.
        middle = (box[axis].start + sides[axis] // 2) // _SMALLEST * _SMALLEST
        if middle <= box[axis].start:
            middle = box[axis].start + sides[axis] // 2
        halves = []
        for half in (slice(box[axis].start, middle), slice(middle, box[axis].stop)):
            parts = list(box)
            parts[axis] = half
            halves.append(self.read(level, tuple(parts)))
        return np.concatenate(halves, axis=axis)

    def _file(self) -> "_OpenSlide":
        file: _OpenSlide = HANDLES.get((type(self), self.path, self.stamp), lambda: _OpenSlide(self.path, self.shapes))
        return file


class _OpenSlide:
    """An open slide and the parts that could not be read."""

    def __init__(self, path: Path, shapes: Sequence[tuple[int, int]]) -> None:
        self._path = path
        parts = [tuple(-(-side // _SMALLEST) for side in shape) for shape in shapes]
        self.asked = [np.zeros(shape, dtype=bool) for shape in parts]
        self.failed = [np.zeros(shape, dtype=bool) for shape in parts]
        self.slide = openslide.OpenSlide(path)

    def reopen(self) -> None:
        """Replace the slide; one that others still read from closes with its last reader."""
        self.slide = openslide.OpenSlide(self._path)


def _parts(box: Box) -> Box:
    """The parts of 256 x 256 pixels that a box touches."""
    return tuple(slice(side.start // _SMALLEST, -(-side.stop // _SMALLEST)) for side in box)


def vendor_of(path: Path) -> str | None:
    """What OpenSlide calls the format of a file; None if it knows none."""
    try:
        return openslide.OpenSlide.detect_format(path)
    except openslide.OpenSlideError:
        return None


def open_with_openslide(path: Path, crop_to_bounds: bool = True) -> OpenSlideSource:
    """The levels of a slide.

    Args:
        crop_to_bounds: only where the scanner saw something, which is what QuPath shows.

    Raises:
        LesionkitError: no format that OpenSlide knows, a broken file, or a slide without pixels.
    """
    try:
        with openslide.OpenSlide(path) as slide:
            properties = dict(slide.properties)
            sizes, downsamples = slide.level_dimensions, _rounded(slide.level_downsamples)
    except openslide.OpenSlideUnsupportedFormatError as error:
        raise LesionkitError(
            f"{path} must be a whole slide: tiled TIFF, SVS, or what OpenSlide reads (mrxs, ndpi, scn, bif, DICOM)"
        ) from error
    except (openslide.OpenSlideError, OSError) as error:
        raise LesionkitError(f"{path} cannot be read as a slide: {error}; was it truncated while copying?") from error
    if not sizes or min(sizes[0]) < 1:
        raise LesionkitError(f"{path} must hold an image, but its finest level has no pixels")
    left, top, width, height = _bounds(properties, sizes[0]) if crop_to_bounds else (0, 0, *sizes[0])
    colour = properties.get("openslide.background-color", "FFFFFF")
    return OpenSlideSource(
        path,
        tuple(
            (_samples(top, height, size[1], d), _samples(left, width, size[0], d))
            for size, d in zip(sizes, downsamples, strict=True)
        ),
        tuple(_tile_shape(properties, level) for level in range(len(sizes))),
        downsamples,
        (left, top),
        {name: text for name, text in properties.items() if "mpp" in name or name.startswith("tiff.")},
        path.stat().st_mtime_ns,
        (int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:6], 16)),
    )


def _bounds(properties: Mapping[str, str], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, width and height of what the scanner saw, within the slide."""
    left, top = (min(max(int(properties.get(_PLACE + a, 0)), 0), n - 1) for a, n in zip("xy", size, strict=True))
    width = int(properties.get(_PLACE + "width", size[0] - left))
    height = int(properties.get(_PLACE + "height", size[1] - top))
    return left, top, max(1, min(width, size[0] - left)), max(1, min(height, size[1] - top))


def _samples(first: int, length: int, size: int, downsample: float) -> int:
    """Samples of a level that cover so many pixels of the finest, as far as the level of this size reaches."""
    return max(1, min(math.ceil(length / downsample), size - int(first / downsample)))


def _rounded(downsamples: tuple[float, ...]) -> tuple[float, ...]:
    """Ratios of sizes that were rounded up: 2.0007 means 2."""
    return tuple(float(round(d)) if abs(d / max(1, round(d)) - 1) < 0.02 else float(d) for d in downsamples)


def _tile_shape(properties: Mapping[str, str], level: int) -> tuple[int, int]:
    height, width = (int(properties.get(f"openslide.level[{level}].tile-{side}", 0)) for side in ("height", "width"))
    # Some formats have none, or one tile as large as a strip: then the cost does not depend on it.
    return (height, width) if 64 <= height <= 2048 and 64 <= width <= 2048 else (512, 512)
