"""Which pages of a TIFF are the slide: one image and its levels, each of one page in colours or of three in one.

A file may hold more than one image: labels and overviews are passed over; focal planes, times, several slides and
channels of fluorescence are no slide, and are refused.
"""

import logging
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
import tifffile
from defusedxml.common import DefusedXmlException

from lesionkit.core.errors import LesionkitError

# What tifffile finds odd would go to the terminal where nobody listens to its logger; we say it in a sentence.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

DAMAGE = (
    tifffile.TiffFileError,
    OSError,
    ArithmeticError,
    LookupError,
    AttributeError,
    TypeError,
    ValueError,
    struct.error,
)
"""What tifffile raises, and what a page is good for, where a TIFF is damaged."""

_BESIDE = ("label", "macro", "thumbnail", "overview", "barcode", "map", "preview")
_COUNTED = {"Z": "focal planes", "T": "times", "C": "channels"}
_COLOURS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2}
_PURE = {0xFF0000: 0, 0x00FF00: 1, 0x0000FF: 2}
_LARGE = 1 / 16


@dataclass(frozen=True, eq=False)
class SlidePages:
    """The pages of a slide.

    Attributes:
        levels: pages of each level, the finest first: one, or those of red, green and blue.
        tags: what OME says of the pixels, see `pixel_um`.
        warnings: sentences about what the file is.
    """

    levels: tuple[tuple[Any, ...], ...]
    tags: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def slide_pages(path: Path, file: tifffile.TiffFile) -> SlidePages:
    """The pages of the one slide that a TIFF holds.

    Raises:
        LesionkitError: there are several slides, focal planes, times or channels that are no colours, or samples that
            are no whole numbers.
    """
    series = _the_one(path, file.series)
    described = _ome(file, series)
    colours = _planes(path, series, described)
    levels = tuple(tuple(_page(level.pages[plane]) for plane in colours) for level in series.levels)
    if series.dtype.kind == "f":
        raise LesionkitError(f"{path} must have samples of 8 bits, got {series.dtype}; export it as 8-bit RGB")
    warnings: tuple[str, ...] = ()
    if len(colours) > 1:
        named = any(channel.get("Name") for channel in _channels(described))
        how = "by their names" if named else "in their order, for they have no names"
        warnings = (f"the three channels of {path.name} are pages of their own; they are taken for colours {how}",)
    return SlidePages(levels, _sizes(described), warnings)


def _page(page: Any) -> Any:
    """A page with all of its tags; the second and later ones of a series know but their place."""
    if page.is_virtual:
        return getattr(page, "keyframe", page)
    return page.aspage() if isinstance(page, tifffile.TiffFrame) else page


def tile_grid(page: Any) -> tuple[int, int]:
    """Rows and columns of the tiles of a page.

    Raises:
        ValueError: its tags cannot be: no size, tiles without size, or fewer or more places than tiles.
    """
    sizes = [page.imagelength, page.imagewidth, page.tilelength, page.tilewidth]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(f"pages and tiles must have a size, got {sizes}")
    grid = math.ceil(page.imagelength / page.tilelength), math.ceil(page.imagewidth / page.tilewidth)
    places = {len(page.dataoffsets), len(page.databytecounts)}
    if places != {math.prod(grid)}:
        raise ValueError(
            f"a page of {math.prod(grid)} tiles has {' and '.join(map(str, sorted(places)))} places of tiles"
        )
    return grid


def _the_one(path: Path, every: Sequence[Any]) -> Any:
    """The image that is the slide: the largest that is not called a label or the like."""
    named = [one for one in every if any(word in str(one.name).lower() for word in _BESIDE)]
    others = [one for one in every if one not in named] or list(every)
    largest = max(others, key=lambda one: _size(one)[0] * _size(one)[1])
    height, width = _size(largest)
    for one in others:
        rows, columns = _size(one)
        reduced = abs(rows / height - columns / width) < 0.02 * (rows / height) and rows < height
        if one is not largest and not reduced and rows * columns >= _LARGE * height * width:
            raise LesionkitError(
                f"{path} must hold one slide, but holds {len(others)} images, the first of {width} x {height} and "
                f"another of {columns} x {rows} pixels; export each as a file of its own"
            )
    return largest


def _size(series: Any) -> tuple[int, int]:
    sizes = dict(zip(series.axes, series.shape, strict=False))
    return int(sizes.get("Y", 1)), int(sizes.get("X", 1))


def _planes(path: Path, series: Any, described: Any) -> tuple[int, ...]:
    """Which pages of a level are read: the only one, or those of red, green and blue."""
    many = {axis: int(n) for axis, n in zip(series.axes, series.shape, strict=False) if axis not in "YXS" and n > 1}
    if not many:
        return (0,)
    what = ", ".join(f"{n} {_COUNTED.get(axis, 'pages of one size')}" for axis, n in many.items())
    if set(many) != {"C"}:
        raise LesionkitError(f"{path} must hold one picture of a slide, got {what}; export one plane of it as RGB")
    order = _order(_channels(described), many["C"])
    if order is None or "S" in series.axes:
        raise LesionkitError(
            f"{path} must hold a slide in the colours red, green and blue, got {what}"
            f"{_names(described)}; fluorescence cannot be searched, and colours are to be exported as RGB"
        )
    return order


def _order(channels: Sequence[Mapping[str, str]], count: int) -> tuple[int, ...] | None:
    """The pages of red, green and blue; None where the channels are others."""
    if count != 3:
        return None
    names = [channel.get("Name", "").strip().lower() for channel in channels]
    if any(names):
        found = [_COLOURS.get(name.removeprefix("channel ").strip()) for name in names]
    else:
        found = [_PURE.get((int(channel.get("Color", "-1")) >> 8) & 0xFFFFFF) for channel in channels]
        if None in found or len(set(found)) < 3:
            found = [0, 1, 2]
    return tuple(found.index(colour) for colour in range(3)) if set(found) == {0, 1, 2} else None


def _names(described: Any) -> str:
    names = [channel.get("Name", "") for channel in _channels(described)]
    return f" ({', '.join(names)})" if any(names) else ""


def _ome(file: tifffile.TiffFile, series: Any) -> Any:
    """OME's element Pixels of an image; None where there is none."""
    if not file.is_ome or not file.ome_metadata:
        return None
    try:
        root = defusedxml.ElementTree.fromstring(file.ome_metadata.encode())
    except (ParseError, DefusedXmlException, ValueError):
        return None
    pixels = [one for one in root.iter() if one.tag.rpartition("}")[2] == "Pixels"]
    height, width = _size(series)
    # Images are in the order of series, but those that lie in other files are left out.
    fits = [one for one in pixels if (one.get("SizeX"), one.get("SizeY")) == (str(width), str(height))]
    return fits[0] if fits else None


def _channels(described: Any) -> list[Mapping[str, str]]:
    if described is None:
        return []
    return [one.attrib for one in described if one.tag.rpartition("}")[2] == "Channel"]


def _sizes(described: Any) -> dict[str, str]:
    if described is None:
        return {}
    names = ("PhysicalSizeX", "PhysicalSizeXUnit", "PhysicalSizeY", "PhysicalSizeYUnit")
    return {f"ome.{name}": described.get(name) for name in names if described.get(name)}
