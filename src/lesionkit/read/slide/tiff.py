"""Tiled TIFF and SVS, decoded tile by tile: each tile is read once, straight from its place in the file."""

import math
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.read.slide.handles import HANDLES

_CACHE_BYTES = 64 * 2**20
_OLD_JPEG2000 = 33003
_SAME_LEVEL = 0.02
WHITE = 255
"""What unreadable and missing tiles are read as."""


@dataclass(frozen=True)
class TiffSource:
    """The levels of a tiled TIFF. Holds no open file, so it can be sent to another process.

    Attributes:
        shapes: rows and columns of the levels, the finest first.
        tile_shapes: rows and columns of their tiles.
        downsamples: pixels of the finest level per pixel of each.
        tags: what the file says of its pixels, see `pixel_um`.
        stamp: when the file was changed; a file that was written anew is opened anew.
        warnings: sentences about what is wrong with the file.
    """

    path: Path
    shapes: tuple[tuple[int, int], ...]
    tile_shapes: tuple[tuple[int, int], ...]
    downsamples: tuple[float, ...]
    tags: Mapping[str, str]
    stamp: int
    warnings: tuple[str, ...] = ()
    origin_xy: tuple[int, int] = field(default=(0, 0), init=False)

    def read(self, level: int, box: Box) -> NDArray[np.uint8]:
        """RGB (rows, columns, 3) of a box of a level; white where a tile cannot be read."""
        rows, columns = box
        file = self._file()
        height, width = self.tile_shapes[level]
        result = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), dtype=np.uint8)
        for i in range(rows.start // height, -(-rows.stop // height)):
            for j in range(columns.start // width, -(-columns.stop // width)):
                tile = file.tile(level, i, j)
                top, left = max(rows.start, i * height), max(columns.start, j * width)
                bottom, right = min(rows.stop, (i + 1) * height), min(columns.stop, (j + 1) * width)
                result[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = tile[
                    top - i * height : bottom - i * height, left - j * width : right - j * width
                ]
        return result

    def places(self, level: int) -> NDArray[np.int64]:
        """Where in the file each tile (row, column) of a level begins."""
        return self._file().offsets[level]

    @property
    def unreadable(self) -> int:
        """Tiles of all levels that this process could not read."""
        return len(self._file().failed)

    def _file(self) -> "_OpenTiff":
        file: _OpenTiff = HANDLES.get((type(self), self.path, self.stamp), lambda: _OpenTiff(self.path))
        return file


def open_tiff(path: Path) -> TiffSource | None:
    """The levels of a file if it is a TIFF that can be decoded by tiles; None for one that needs OpenSlide.

    Raises:
        LesionkitError: the file is broken, or all of its tiles lie beyond its end.
    """
    try:
        with tifffile.TiffFile(path) as file:
            pages = _levels(file)
            if not _is_decodable(pages):
                return None
            tags = _tags(file.pages.first)
    except (tifffile.TiffFileError, OSError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise LesionkitError(
            f"{path} must be a whole TIFF, got {type(error).__name__} ({error}); was it truncated while copying?"
        ) from error
    shapes = tuple((int(page.imagelength), int(page.imagewidth)) for page in pages)
    return TiffSource(
        path,
        shapes,
        tuple((int(page.tilelength), int(page.tilewidth)) for page in pages),
        tuple(_downsample(shapes[0], shape) for shape in shapes),
        tags,
        path.stat().st_mtime_ns,
        _beyond_end(path, pages),
    )


class _OpenTiff:
    """An open file with its places of tiles, decoders, and the tiles decoded last."""

    def __init__(self, path: Path) -> None:
        with tifffile.TiffFile(path) as file:
            self._pages = [getattr(page, "keyframe", page) if page.is_virtual else page for page in _levels(file)]
            grids = [_tile_grid(page) for page in self._pages]
            self.offsets = [_as_grid(page.dataoffsets, grid) for page, grid in zip(self._pages, grids, strict=True)]
            self._lengths = [_as_grid(page.databytecounts, g) for page, g in zip(self._pages, grids, strict=True)]
            self._tables = [page.jpegtables for page in self._pages]
            self._decoders = [page.decode for page in self._pages]
        self.failed: set[tuple[int, int, int]] = set()
        self._cache: OrderedDict[tuple[int, int, int], NDArray[np.uint8]] = OrderedDict()
        self._cached = 0
        self._lock = Lock()
        self._file = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def tile(self, level: int, row: int, column: int) -> NDArray[np.uint8]:
        key = (level, row, column)
        with self._lock:
            held = self._cache.get(key)
            if held is not None:
                self._cache.move_to_end(key)
                return held
        tile = self._decoded(key)
        with self._lock:
            if key not in self._cache:
                self._cached += tile.nbytes
            self._cache[key] = tile
            while self._cached > _CACHE_BYTES and len(self._cache) > 1:
                self._cached -= self._cache.popitem(last=False)[1].nbytes
        return tile

    def _decoded(self, key: tuple[int, int, int]) -> NDArray[np.uint8]:
        level, row, column = key
        page = self._pages[level]
        length = int(self._lengths[level][row, column])
        if length:
            data = os.pread(self._file, length, int(self.offsets[level][row, column]))
            try:
                if len(data) < length:
                    raise ValueError("the file ends before the tile")
                index = row * self.offsets[level].shape[1] + column
                return _as_rgb(self._decoders[level](data, index, jpegtables=self._tables[level])[0])
            # Whatever a decoder thinks of broken bytes: the tile is skipped, counted and reported.
            except Exception:
                with self._lock:
                    self.failed.add(key)
        return np.full((page.tilelength, page.tilewidth, 3), WHITE, dtype=np.uint8)


def _levels(file: tifffile.TiffFile) -> list[Any]:
    return [level.pages[0] for level in file.series[0].levels]


def _is_decodable(pages: list[Any]) -> bool:
    """Tiles of 8-bit grey or colour, one page a level, in a compression whose colours are beyond doubt."""
    return all(
        page.is_tiled
        and page.bitspersample == 8
        and page.samplesperpixel in (1, 3, 4)
        and (page.planarconfig == 1 or page.samplesperpixel == 1)
        and page.imagedepth == 1
        and page.photometric in (1, 2, 6)
        and page.compression != _OLD_JPEG2000
        for page in pages
    )


def _tags(page: Any) -> dict[str, str]:
    tags = {"tiff.ImageDescription": page.description}
    for name in ("XResolution", "YResolution"):
        if name in page.tags and page.tags[name].value[1]:
            above, below = page.tags[name].value
            tags[f"tiff.{name}"] = repr(above / below)
    if "ResolutionUnit" in page.tags:
        tags["tiff.ResolutionUnit"] = str(int(page.tags["ResolutionUnit"].value))
    return tags


def _beyond_end(path: Path, pages: list[Any]) -> tuple[str, ...]:
    size = path.stat().st_size
    ends = np.concatenate([np.add(page.dataoffsets, page.databytecounts) for page in pages])
    held = np.concatenate([np.asarray(page.databytecounts) > 0 for page in pages])
    beyond = int(((ends > size) & held).sum())
    if not held.any():
        raise LesionkitError(f"{path} must hold an image, but all of its {len(ends)} tiles are empty")
    if beyond == held.sum():
        raise LesionkitError(f"{path} is truncated: all of its {beyond} tiles lie beyond its end; copy it again")
    if not beyond:
        return ()
    sentence = (
        f"{beyond} of {int(held.sum())} tiles lie beyond the end of {path.name} and are read as white; was it "
        "truncated while copying?"
    )
    return (sentence,)


def _downsample(finest: tuple[int, int], shape: tuple[int, int]) -> float:
    """Ratio of two levels; sizes are rounded, so 2.0007 means 2."""
    ratio = max(finest) / shape[int(np.argmax(finest))]
    nearest = float(max(1, round(ratio)))
    return nearest if abs(ratio / nearest - 1) < _SAME_LEVEL else ratio


def _tile_grid(page: Any) -> tuple[int, int]:
    return math.ceil(page.imagelength / page.tilelength), math.ceil(page.imagewidth / page.tilewidth)


def _as_grid(values: Any, grid: tuple[int, int]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64).reshape(grid)


def _as_rgb(tile: NDArray[Any] | None) -> NDArray[np.uint8]:
    if tile is None:
        raise ValueError("a tile without data")
    colour: NDArray[np.uint8] = tile[0]
    return np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour[..., :3]
