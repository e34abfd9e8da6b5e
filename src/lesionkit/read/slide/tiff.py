"""Tiled TIFF and SVS, decoded tile by tile: each tile is read once, straight from its place in the file."""

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.read.slide.colour import WHITE, as_rgb
from lesionkit.read.slide.handles import HANDLES
from lesionkit.read.slide.pages import DAMAGE, slide_pages, tile_grid

_CACHE_BYTES = 64 * 2**20
_YCBCR, _JPEG, _OLD_JPEG2000 = 6, 7, 33003
_SAME_LEVEL = 0.02
_TRIED, _DARK, _TAIL = 16, 8192, 16


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

    def counts(self, level: int) -> tuple[int, int]:
        """Tiles of a level that this process asked for, and of these, how many could not be read."""
        file = self._file()
        return int(file.asked[level].sum()), int(file.failed[level].sum())

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
            found = slide_pages(path, file)
            pages = [planes[0] for planes in found.levels]
            every = [page for planes in found.levels for page in planes]
            if not _is_decodable(every):
                _refuse_other_pages(path, found.levels[0])
                _refuse_dark(path, found.levels[-1][0])
                return None
            tags = {**_tags(pages[0]), **found.tags}
            _ = [tile_grid(page) for page in every]
    except LesionkitError:
        raise
    except DAMAGE as error:
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
        (*found.warnings, *_beyond_end(path, every)),
    )


class _OpenTiff:
    """An open file with its places of tiles, decoders, and the tiles decoded last."""

    def __init__(self, path: Path) -> None:
        with tifffile.TiffFile(path) as file:
            self._levels = [[_Plane(page) for page in planes] for planes in slide_pages(path, file).levels]
        self.offsets = [planes[0].offsets for planes in self._levels]
        self.asked = [np.zeros(offsets.shape, dtype=bool) for offsets in self.offsets]
        self.failed = [np.zeros(offsets.shape, dtype=bool) for offsets in self.offsets]
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
        planes = self._levels[level]
        with self._lock:
            self.asked[level][row, column] = True
        try:
            parts = [plane.decoded(self._file, row, column) for plane in planes]
        # Whatever a decoder thinks of broken bytes: the tile is skipped, counted and reported.
        except Exception:
            with self._lock:
                self.failed[level][row, column] = True
            return planes[0].white
        return parts[0] if len(parts) == 1 else np.stack([part[..., 0] for part in parts], axis=2)


class _Plane:
    """A page: where its tiles lie, and how one becomes RGB."""

    def __init__(self, page: Any) -> None:
        self.offsets = _as_grid(page.dataoffsets, tile_grid(page))
        self._lengths = _as_grid(page.databytecounts, tile_grid(page))
        self._tables, self._decode = page.jpegtables, page.decode
        self._is_ybr = page.photometric == _YCBCR and page.compression != _JPEG
        self._alpha = int(page.extrasamples[-1]) if page.samplesperpixel in (2, 4) and page.extrasamples else 0
        self._has_ends = page.compression == _JPEG and _mostly_ends(page)
        self.white = np.full((page.tilelength, page.tilewidth, 3), WHITE, dtype=np.uint8)

    def decoded(self, file: int, row: int, column: int) -> NDArray[np.uint8]:
        """RGB (rows, columns, 3) of a tile; white where the file holds none."""
        length = int(self._lengths[row, column])
        if not length:
            return self.white
        data = os.pread(file, length, int(self.offsets[row, column]))
        # A decoder of JPEG fills up with grey what is missing at the end, and says nothing.
        if len(data) < length or (self._has_ends and not _ends(data)):
            raise ValueError("the tile is cut off")
        tile = self._decode(data, row * self.offsets.shape[1] + column, jpegtables=self._tables)[0]
        if tile is None:
            raise ValueError("a tile without data")
        return as_rgb(tile[0], self._is_ybr, self._alpha)


def _ends(data: bytes) -> bool:
    """Whether JPEG data has its end, which zeros may follow."""
    return data.rstrip(b"\x00").endswith(b"\xff\xd9")


def _mostly_ends(page: Any) -> bool:
    """Whether the tiles of a page have ends at all; some scanners write none. A few are looked at."""
    numbers = np.flatnonzero(np.asarray(page.databytecounts) > _TAIL)
    ended = []
    for number in numbers[:: max(1, len(numbers) // _TRIED)].tolist():
        page.parent.filehandle.seek(page.dataoffsets[number] + page.databytecounts[number] - _TAIL)
        ended.append(_ends(page.parent.filehandle.read(_TAIL)))
    return sum(ended) > len(ended) / 2


def _refuse_other_pages(path: Path, planes: Sequence[Any]) -> None:
    """What is left to OpenSlide must be the first page alone, for that is what it reads."""
    if len(planes) > 1 or planes[0].index != 0:
        raise LesionkitError(
            f"{path} must hold its colours in tiles of 8 bits to be read page by page, got {planes[0].bitspersample} "
            f"bits{'' if planes[0].is_tiled else ' in strips'}; export it as 8-bit RGB"
        )


def _refuse_dark(path: Path, page: Any) -> None:
    """Of 16 bits OpenSlide shows the upper 8, so that a slide that uses the lower ones is black."""
    if page.bitspersample != 16 or not page.is_tiled:
        return
    numbers = np.flatnonzero(np.asarray(page.databytecounts) > 0)
    highest = 0
    for number in numbers[:: max(1, len(numbers) // _TRIED)]:
        index = int(number)
        page.parent.filehandle.seek(page.dataoffsets[index])
        try:
            tile = page.decode(page.parent.filehandle.read(page.databytecounts[index]), index)[0]
        except Exception:  # a damaged tile is counted when it is read, and says nothing of the others
            return
        highest = max(highest, int(tile.max())) if tile is not None else highest
    if highest < _DARK:
        raise LesionkitError(
            f"{path} must use all of its 16 bits, but its samples reach {highest} of 65535; export it as 8-bit RGB"
        )


def _is_decodable(pages: list[Any]) -> bool:
    """Tiles of 8-bit grey or colour in a compression whose colours are beyond doubt."""
    return all(
        page.is_tiled
        and page.bitspersample == 8
        and page.samplesperpixel in (1, 2, 3, 4)
        and (page.planarconfig == 1 or page.samplesperpixel == 1)
        and page.imagedepth == 1
        and page.photometric in (1, 2, 6)
        and page.compression != _OLD_JPEG2000
        # Colours at half size are unpacked by decoders of JPEG only.
        and (page.photometric != _YCBCR or page.compression == _JPEG or page.subsampling in (None, (1, 1)))
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


def _as_grid(values: Any, grid: tuple[int, int]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64).reshape(grid)
