"""Tiles of an image, in any order -> a pyramidal tiled TIFF that viewers of slides open.

Colour is written as JPEG, maps as DEFLATE. Each level is the 2 × 2 mean of the one below. Memory does not grow with
the slide: parents that wait for their children go to a scratch file when there are too many of them.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.image import Image
from lesionkit.core.settings import Settings
from lesionkit.write.tiff_container import DEFLATE, JPEG, TiffContainer, TiffPage
from lesionkit.write.waiting import Waiting

Kind: TypeAlias = Literal["colour", "map", "probability"]

_SAMPLES: dict[str, tuple[np.dtype[Any], int, float]] = {
    "colour": (np.dtype(np.uint8), 3, 255),
    "map": (np.dtype(np.uint8), 1, 0),
    "probability": (np.dtype(np.float32), 1, 0),
}
"""Kind -> type, channels, and what lies where nothing was written."""
_BIG_BYTES = 3.5e9
_BEYOND_GRID = "tile ({}, {}) must lie in the {} x {} tiles of the image"


class PyramidSettings(Settings):
    """How a pyramid is written."""

    kind: Kind = "colour"
    """colour: uint8 RGB, JPEG. map: uint8, DEFLATE (every viewer). probability: float32, DEFLATE (not OpenSlide)."""
    tile: int = Field(default=256, ge=16, multiple_of=16)
    """Side of the tiles in pixels."""
    jpeg_quality: int = Field(default=85, ge=1, le=100)
    """Of colour."""
    coarsest: int = Field(default=512, ge=1)
    """Levels are added until the longer side is at most this many pixels."""
    big: bool | None = None
    """64-bit offsets; None for only where the samples could exceed 3.5 GB."""
    waiting_mb: int = Field(default=128, ge=1)
    """Memory for unfinished tiles of coarser levels; more of them wait on disk."""
    description: str = "lesionkit"
    """Text of the first page."""


@dataclass
class _Level:
    page: TiffPage
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def empty(cls, page: TiffPage) -> Self:
        return cls(page, np.full(page.tiles, -1, dtype=np.int64), np.zeros(page.tiles, dtype=np.int64))


@dataclass
class PyramidWriter:
    """A pyramid that is being written; a context manager. The file appears when it is left without an error.

    Args:
        path: ends in .tif or .tiff.
        shape: rows and columns of the finest level.
        mpp: µm per pixel of the finest level.

    Raises:
        LesionkitError: an empty shape, an impossible mpp, an unwritable folder.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "slide.tif"
    >>> with PyramidWriter(path, (600, 900), mpp=0.5) as pyramid:
    ...     pyramid.write(1, 2, np.full((256, 256, 3), 200, np.uint8))
    >>> pyramid.shapes
    [(600, 900), (300, 450)]
    """

    path: Path
    shape: tuple[int, int]
    mpp: float
    settings: PyramidSettings = field(default_factory=PyramidSettings)
    _levels: list[_Level] = field(init=False, repr=False)
    _waiting: list[Waiting] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        if self.path.suffix.lower() not in (".tif", ".tiff"):
            raise LesionkitError(f"a pyramid ends in .tif or .tiff, got {self.path.name}")
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise LesionkitError(f"a pyramid needs at least one row and one column, got shape {self.shape}")
        if not (math.isfinite(self.mpp) and self.mpp > 0):
            raise LesionkitError(f"mpp must be a positive number of µm per pixel, got {self.mpp}")

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of the levels, the finest first; odd sides are rounded up."""
        shapes = [(int(self.shape[0]), int(self.shape[1]))]
        while max(shapes[-1]) > self.settings.coarsest:
            shapes.append((-(-shapes[-1][0] // 2), -(-shapes[-1][1] // 2)))
        return shapes

    def __enter__(self) -> Self:
        dtype, channels, self._fill = _SAMPLES[self.settings.kind]
        compression = JPEG if self.settings.kind == "colour" else DEFLATE
        side = self.settings.tile
        self._levels = [
            _Level.empty(
                TiffPage(
                    shape, side, compression, dtype, channels, self.mpp * 2**i, "" if i else self.settings.description
                )
            )
            for i, shape in enumerate(self.shapes)
        ]
        self._tile_shape = (side, side, 3) if channels == 3 else (side, side)
        tile_bytes = side * side * channels * dtype.itemsize
        room = max(2, int(self.settings.waiting_mb * 2**20 / tile_bytes / max(1, len(self._levels) - 1)))
        big = self.settings.big
        if big is None:
            big = sum(math.prod(level.page.tiles) for level in self._levels) * tile_bytes > _BIG_BYTES
        self._replacing = replacing(self.path)
        temporary = self._replacing.__enter__()
        self._waiting = [Waiting(temporary.parent, self._tile_shape, dtype, self._fill, room) for _ in self._levels]
        self._file = TiffContainer(temporary, big)
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        except BaseException as failure:
            kind, error, trace = type(failure), failure, failure.__traceback__
            raise
        finally:
            self._file.__exit__(None, None, None)
            for waiting in self._waiting:
                waiting.close()
            self._replacing.__exit__(kind, error, trace)

    def write(self, row: int, column: int, tile: NDArray[Any]) -> None:
        """Put a tile of the finest level, in any order, each once.

        Args:
            row, column: number of the tile, from 0.
            tile: (side, side[, 3]) samples; at the right and lower edge it may be as small as what is left.

        Raises:
            LesionkitError: outside the image, another shape or type, a tile twice.
        """
        rows, columns = self._levels[0].page.tiles
        if not (0 <= row < rows and 0 <= column < columns):
            raise LesionkitError(_BEYOND_GRID.format(row, column, rows, columns))
        if self._levels[0].offsets[row, column] >= 0:
            raise LesionkitError(f"tile ({row}, {column}) was written before; write each tile once")
        self._put(0, row, column, self._padded(row, column, np.asarray(tile)))

    def _padded(self, row: int, column: int, tile: NDArray[Any]) -> NDArray[Any]:
        side, dtype = self.settings.tile, self._levels[0].page.dtype
        inside = (min(side, self.shape[0] - row * side), min(side, self.shape[1] - column * side))
        if tile.shape[2:] != self._tile_shape[2:] or tile.shape[:2] not in ((side, side), inside):
            raise LesionkitError(f"tile ({row}, {column}) must have the shape {self._tile_shape}, got {tile.shape}")
        if tile.dtype != dtype:
            raise LesionkitError(f"tiles of kind '{self.settings.kind}' must be {dtype}, got {tile.dtype}")
        part = tile[: inside[0], : inside[1]]
        # What lies beyond the image repeats its edge, so that neither JPEG nor the means see a step.
        beyond = [(0, side - inside[0]), (0, side - inside[1])] + [(0, 0)] * (tile.ndim - 2)
        return np.ascontiguousarray(np.pad(part, beyond, mode="edge") if part.shape[:2] != (side, side) else part)

    def _put(self, number: int, row: int, column: int, tile: NDArray[Any]) -> None:
        level = self._levels[number]
        data = self._encode(tile)
        level.offsets[row, column], level.lengths[row, column] = self._file.append(data), len(data)
        if number + 1 == len(self._levels):
            return
        half = self.settings.tile // 2
        top, left = row % 2 * half, column % 2 * half
        parent = (row // 2, column // 2)
        waiting = self._waiting[number + 1]
        waiting.fill(parent, (slice(top, top + half), slice(left, left + half)), _halved(tile))
        if waiting.count(parent) == self._children(number, *parent):
            self._put(number + 1, *parent, waiting.take(parent))

    def _children(self, number: int, row: int, column: int) -> int:
        rows, columns = self._levels[number].page.tiles
        return min(2, rows - 2 * row) * min(2, columns - 2 * column)

    def _encode(self, tile: NDArray[Any]) -> bytes:
        if self.settings.kind == "colour":
            return bytes(
                imagecodecs.jpeg8_encode(
                    tile,
                    level=self.settings.jpeg_quality,
                    colorspace="rgb",
                    outcolorspace="ycbcr",
                    subsampling="420",
                )
            )
        return bytes(imagecodecs.zlib_encode(tile.tobytes(), level=6))

    def _finish(self) -> None:
        """Write the parents whose other children never came; tiles that never came share one empty tile."""
        for number, waiting in enumerate(self._waiting):
            for parent in waiting.places():
                self._put(number, *parent, waiting.take(parent))
        empty = self._encode(np.full(self._tile_shape, self._fill, dtype=self._levels[0].page.dtype))
        start = self._file.append(empty) if any((level.offsets < 0).any() for level in self._levels) else 0
        for number, level in enumerate(self._levels):
            missing = level.offsets < 0
            level.offsets[missing], level.lengths[missing] = start, len(empty)
            self._file.add_page(level.page, level.offsets, level.lengths, reduced=number > 0)


def write_pyramid(image: Image, path: Path, settings: PyramidSettings | None = None) -> Path:
    """Write a 2-D image tile by tile; its spacing gives the µm per pixel. Returns the path.

    Raises:
        LesionkitError: see `PyramidWriter`; also an image that is not 2-D.
    """
    if image.grid.ndim != 2:
        raise LesionkitError(f"a pyramid holds two axes, got an image of shape {image.grid.shape}")
    settings = settings or PyramidSettings()
    rows, columns = image.grid.shape
    side = settings.tile
    with PyramidWriter(Path(path), (rows, columns), image.grid.spacing_mm[1] * 1000, settings) as pyramid:
        for row, column in _tiles((rows, columns), side):
            box = (
                slice(row * side, min((row + 1) * side, rows)),
                slice(column * side, min((column + 1) * side, columns)),
            )
            pyramid.write(row, column, image.read(box))
    return Path(path)


def _tiles(shape: tuple[int, int], side: int) -> Iterable[tuple[int, int]]:
    return np.ndindex(-(-shape[0] // side), -(-shape[1] // side))


def _halved(tile: NDArray[Any]) -> NDArray[Any]:
    """2 × 2 means; whole numbers are rounded half up."""
    if tile.dtype.kind == "f":
        mean: NDArray[Any] = (tile[::2, ::2] + tile[1::2, ::2] + tile[::2, 1::2] + tile[1::2, 1::2]) / 4
        return mean
    pairs: NDArray[np.uint16] = tile[::2].astype(np.uint16) + tile[1::2]
    return ((pairs[:, ::2] + pairs[:, 1::2] + 2) >> 2).astype(np.uint8)
