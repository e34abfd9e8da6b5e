"""Heat maps of any tool -> probabilities with their size in µm: TIFF, OME-TIFF, PNG, NumPy.

A map covers its slide from the top left corner of the file. What is not a number was not computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
import numpy as np
import tifffile
from defusedxml.common import DefusedXmlException
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.slide.mpp import said_um
from lesionkit.read.truth.camelyon_lesions import slide_name

_UM_TEXTS = ("um", "mpp", "um_per_pixel", "microns_per_pixel")
_LARGEST_UM = 2000.0
_MOST_BYTES = 1 << 31
_FOR_WANT_OF_BETTER = ("72.0", "96.0")
"""Pixels per inch that programs write where nobody said any."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What a tool says of a slide, cell by cell.

    Attributes:
        array: float32 (rows, columns), 0 to 1, nan where nothing was computed.
        um: µm per cell, as (y, x).
    """

    array: NDArray[np.float32]
    um: tuple[float, float]


@reads("maps of probability")
def read_heat_maps(path: Path | str, um: float | None = None) -> dict[str, HeatMap]:
    """The heat map of every slide that a folder, or one file, holds.

    Integers are shares of the largest that their type holds: 255 of uint8 is 1. Of a pyramid the finest level is read.

    Args:
        um: µm per cell of maps that do not say it. Of TIFF OME's PhysicalSize, the vendor's tag and the resolution
            say it, of PNG the texts `um` and `mpp` and the pixels per metre (pHYs).

    Returns:
        By slide, which is the name of the file without what programs append, see `slide_name`.

    Raises:
        LesionkitError: nothing to read, a map with colours or values beyond 0 to 1, one of which nobody says how large
            its cells are, two of one slide.

    >>> read_heat_maps("nowhere")
    Traceback (most recent call last):
    lesionkit.core.errors.LesionkitError: nowhere must be a folder of heat maps (.tif, …), or one of them; none is there
    """
    path = Path(path)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _READERS) if path.is_dir() else [path]
    if not files or not all(file.is_file() and file.suffix.lower() in _READERS for file in files):
        raise LesionkitError(
            f"{path} must be a folder of heat maps ({', '.join(_READERS)}), or one of them; none is there"
        )
    found: dict[str, HeatMap] = {}
    for file in files:
        slide_id = heat_map_name(file.name)
        if slide_id in found:
            raise LesionkitError(f"slide '{slide_id}' has two heat maps in {path}, again {file.name}; keep one")
        try:
            array, said = _READERS[file.suffix.lower()](file)
            found[slide_id] = HeatMap(_probabilities(array), _size(said, um))
        except LesionkitError as error:
            raise LesionkitError(f"{file}: {error}") from error
    return found


def heat_map_name(text: str) -> str:
    """The slide that a file of a heat map names.

    >>> heat_map_name("Test_001_heatmap.ome.tif"), heat_map_name("Test_001-probability.png"), heat_map_name("a.tif")
    ('Test_001', 'Test_001', 'a')
    """
    name = slide_name(text)
    for ending in ("heatmap", "heat_map", "probability", "probabilities", "attention", "map", "prob"):
        for joint in "_-":
            if name.lower().endswith(joint + ending):
                return name[: -len(ending) - 1]
    return name


def _size(said: tuple[float, float] | None, given: float | None) -> tuple[float, float]:
    if said is None and given is None:
        raise LesionkitError(
            "a heat map must say how many µm one of its cells covers, as OME-TIFF does and PNG with the text 'um', but "
            "this one says nothing; give --map-um"
        )
    size = said or (float(given or 0), float(given or 0))
    if not 0 < min(size) <= max(size) <= _LARGEST_UM:
        raise LesionkitError(
            f"a cell of a heat map must cover 0 to {_LARGEST_UM:g} µm, got {size[1]:g}; check its size"
        )
    return size


def _probabilities(array: NDArray[Any]) -> NDArray[np.float32]:
    if array.ndim == 3 and array.shape[2] in (3, 4) and (array[..., :1] == array[..., :3]).all():
        array = array[..., 0]
    if array.ndim != 2:
        raise LesionkitError(
            f"a heat map must have one value per cell, got an array of shape {array.shape}; give values, not colours"
        )
    if array.dtype.kind == "b":
        return array.astype(np.float32)
    if array.dtype.kind == "u":
        return np.asarray(array / np.float32(np.iinfo(array.dtype).max), dtype=np.float32)
    if array.dtype.kind != "f":
        raise LesionkitError(f"a heat map must hold unsigned or floating point numbers, got {array.dtype}")
    values = array.astype(np.float32)
    # -1 says of many tools' cells, as of ours, that nothing was computed.
    values[values == -1] = np.nan
    held = values[~np.isnan(values)]
    if held.size and (held.min() < 0 or held.max() > 1):
        raise LesionkitError(
            f"a heat map must hold probabilities from 0 to 1, got {held.min():g} to {held.max():g}; scale it first"
        )
    return values


def _read_tiff(path: Path) -> tuple[NDArray[Any], tuple[float, float] | None]:
    try:
        with tifffile.TiffFile(path) as file:
            level = file.series[0].levels[0]
            if level.nbytes > _MOST_BYTES:
                raise LesionkitError(
                    f"a heat map must have at most {_MOST_BYTES >> 30} GB of cells, got {level.shape} of {level.dtype}"
                    "; write it with larger cells"
                )
            array = level.asarray()
            tags = {
                f"tiff.{name}": _tag(level.keyframe.tags[name].value)
                for name in ("ImageDescription", "XResolution", "YResolution", "ResolutionUnit")
                if name in level.keyframe.tags
            }
            tags |= _ome_tags(file.ome_metadata or "")
    except (OSError, ValueError, IndexError, KeyError, TypeError, tifffile.TiffFileError) as error:
        raise LesionkitError(f"a heat map must be a readable TIFF, got {error}") from error
    # A channel or a plane of one, as OME writes them.
    array = array.reshape([n for n in array.shape if n != 1] or [1]) if array.ndim > 2 else array
    return array, _said(tags)


def _said(tags: Mapping[str, str]) -> tuple[float, float] | None:
    """What TIFF says of the size of cells, which may be larger than any pixel of a slide."""
    if (fine := said_um(tags)) is not None:
        return fine[0]
    inches = tags.get("tiff.ResolutionUnit") == "2" and tags.get("tiff.XResolution") in _FOR_WANT_OF_BETTER
    kept = {name: text for name, text in tags.items() if not (inches and "Resolution" in name)}
    shrunk = {
        name: _times(text, 100 if "Resolution" in name else 0.01)
        if name in ("tiff.XResolution", "tiff.YResolution", "ome.PhysicalSizeX", "ome.PhysicalSizeY")
        else text
        for name, text in kept.items()
    }
    coarse = said_um(shrunk)
    return None if coarse is None else (coarse[0][0] * 100, coarse[0][1] * 100)


def _times(text: str, factor: float) -> str:
    """A number in words, larger by a factor; other words as they are."""
    return repr(float(text.replace(",", ".")) * factor) if _is_number(text) else text


def _tag(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        return repr(value[0] / value[1]) if value[1] else ""
    return str(int(value)) if hasattr(value, "value") else str(value)


def _ome_tags(xml: str) -> dict[str, str]:
    try:
        root = defusedxml.ElementTree.fromstring(xml) if xml else None
    except (ParseError, DefusedXmlException):
        return {}
    pixels = None if root is None else next((e for e in root.iter() if e.tag.rpartition("}")[2] == "Pixels"), None)
    return {} if pixels is None else {f"ome.{k}": v for k, v in pixels.attrib.items() if k.startswith("PhysicalSize")}


def _read_picture(path: Path) -> tuple[NDArray[Any], tuple[float, float] | None]:
    try:
        with Picture.open(path) as picture:
            if picture.mode == "P":
                raise LesionkitError("a heat map must have one value per cell, got a picture with a palette of colours")
            array = np.asarray(picture)
            texts = {str(name).lower(): str(value) for name, value in picture.info.items() if isinstance(value, str)}
            dpi = picture.info.get("dpi")
    except (OSError, UnidentifiedImageError, Picture.DecompressionBombError) as error:
        raise LesionkitError(f"a heat map must be a readable picture, got {error}") from error
    if array.dtype == np.int32:
        # Pillow's name for 16 bits.
        array = array.astype(np.uint16)
    for name in _UM_TEXTS:
        if name in texts:
            if not _is_number(texts[name]):
                raise LesionkitError(f"the text '{name}' of a heat map must be µm per cell, got {texts[name][:20]!r}")
            size = float(texts[name].replace(",", "."))
            return array, (size, size)
    if dpi and min(dpi) > 0 and str(float(round(dpi[0]))) not in _FOR_WANT_OF_BETTER:
        return array, (25_400 / float(dpi[1]), 25_400 / float(dpi[0]))
    return array, None


def _is_number(text: str) -> bool:
    try:
        return float(text.replace(",", ".")) > 0
    except ValueError:
        return False


def _read_numpy(path: Path) -> tuple[NDArray[Any], None]:
    try:
        # Mapped first: a shape that the file has no bytes for must not cost its memory.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False)), None
    except (OSError, ValueError, EOFError) as error:
        raise LesionkitError(f"a heat map must be a NumPy array without objects, got {error}") from error


_READERS: dict[str, Callable[[Path], tuple[NDArray[Any], tuple[float, float] | None]]] = {
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".png": _read_picture,
    ".npy": _read_numpy,
}
