"""Tumour annotations of slides: outlines (ASAP XML, JSON) or masks (TIFF pyramids, PNG, NumPy) -> outline or mask."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.core.untrusted import reads
from lesionkit.read.slide.suffixes import SUFFIXES
from lesionkit.read.truth.outlines import read_outline

DOWNSAMPLE = 32.0
"""Of the level that is read of a pyramid, unless another is asked for: level 5, on which the organisers score."""

_ROUNDING = 0.02
_NAMED_SUFFIXES = (*SUFFIXES, ".zip", ".png", ".npy", ".xml", ".json", ".geojson", ".csv")
_MASK_ENDINGS = ("_evaluation_mask", "_mask", "_annotation", "_annotations")


@reads("outlines or masks of slides")
def read_lesion_annotations(path: Path | str, downsample: float | None = None) -> dict[str, Outline | SlideMask]:
    """Tumour of every slide that a folder, or one file, annotates.

    Outlines are in pixels of the finest level and of any form that `read_outline` reads. In a mask whatever is not zero
    is tumour; an empty one is a healthy slide.

    Args:
        downsample: pixels of the finest level per sample of masks that do not say it themselves: NumPy arrays, PNG
            without the text "downsample", TIFF of one level without tiles. A TIFF pyramid is read at the level nearest
            to it, by default to 32; a TIFF of one level with tiles is taken to be the finest.

    Returns:
        By slide, which is the name of the file without `_mask` or the like.

    Raises:
        LesionkitError: nothing to read, a file that cannot be read, an unknown group, two files of one slide, a mask
            of which nobody says how much smaller than its slide it is.
    """
    path = Path(path)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _READERS) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise LesionkitError(
            f"{path} must be a folder of outlines (.xml, .json, .geojson) or masks (.tif, .png, .npy), or one such "
            "file; none is there"
        )
    found: dict[str, Outline | SlideMask] = {}
    for file in files:
        slide_id = slide_name(file.name)
        if slide_id in found:
            raise LesionkitError(f"slide '{slide_id}' is annotated twice in {path}, again by {file.name}; keep one")
        read = _READERS.get(file.suffix.lower())
        if read is None:
            raise LesionkitError(f"{file} must be one of {', '.join(_READERS)}")
        try:
            found[slide_id] = read(file, downsample)
        except LesionkitError as error:
            raise LesionkitError(f"{file}: {error}") from error
    return found


def slide_name(text: str) -> str:
    """The slide that a file or a row of a table names.

    >>> slide_name("Tumor_001_Mask.tif"), slide_name("patient_000.ome.tif"), slide_name(" Test_001.SCN ")
    ('Tumor_001', 'patient_000', 'Test_001')
    """
    name = text.strip()
    while name.lower().endswith(_NAMED_SUFFIXES):
        is_tiff = name.lower().endswith((".tif", ".tiff", ".btf"))
        name = name[: name.rindex(".")]
        if is_tiff and name.lower().endswith(".ome"):
            name = name[:-4]
    for ending in _MASK_ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _read_outline(path: Path, _: float | None) -> Outline:
    return read_outline(path)


def _read_picture(path: Path, downsample: float | None) -> SlideMask:
    try:
        with Picture.open(path) as picture:
            array = np.asarray(picture.convert("L") if picture.mode not in ("1", "L", "I;16", "I", "P") else picture)
            said = picture.info.get("downsample")
    except (OSError, UnidentifiedImageError, Picture.DecompressionBombError) as error:
        raise LesionkitError(f"a mask must be a readable picture, got {error}") from error
    return _as_mask(array, downsample if said is None else _downsample(said))


def _downsample(said: Any) -> float:
    try:
        return float(said)
    except (TypeError, ValueError) as error:
        raise LesionkitError(f"the text 'downsample' of a mask must be a number, got {str(said)[:20]!r}") from error


def _read_numpy(path: Path, downsample: float | None) -> SlideMask:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise LesionkitError(f"a mask must be a NumPy array without objects, got {error}") from error
    return _as_mask(array, downsample)


def _read_tiff(path: Path, downsample: float | None) -> SlideMask:
    try:
        with tifffile.TiffFile(path) as file:
            levels = file.series[0].levels
            if len(levels) == 1 and not levels[0].keyframe.is_tiled:
                return _as_mask(levels[0].asarray(), downsample)
            height, width = levels[0].shape[:2]
            ratios = [_whole_power(width / level.shape[1]) for level in levels]
            wanted = downsample or DOWNSAMPLE
            best = int(np.argmin(np.abs(np.log(np.array(ratios) / wanted))))
            step = max(1, round(wanted / ratios[best]))
            array = levels[best].asarray()[step // 2 :: step, step // 2 :: step]
            return _as_mask(array, ratios[best] * step, (float(width), float(height)))
    except (OSError, ValueError, IndexError, tifffile.TiffFileError) as error:
        raise LesionkitError(
            f"a mask must be a readable TIFF, got {error}; if its compression is the reason, "
            "save level 5 as PNG or install imagecodecs"
        ) from error


def _whole_power(ratio: float) -> float:
    """The ratio of two levels; sizes are rounded, so 32.01 means 32."""
    nearest = float(2 ** round(np.log2(ratio)))
    return nearest if abs(ratio / nearest - 1) < _ROUNDING else ratio


def _as_mask(array: NDArray[Any], downsample: float | None, size_xy: tuple[float, float] | None = None) -> SlideMask:
    """Keep the box around the tumour only: a slide's mask is large, its tumour seldom is."""
    if array.ndim == 3 and array.shape[2] in (3, 4):
        array = array[..., 0]
    if array.ndim != 2:
        raise LesionkitError(f"a mask has rows and columns, got an array of shape {array.shape}")
    if downsample is None:
        raise LesionkitError(
            f"a mask must say how many pixels of the slide one of its {array.shape[1]} x {array.shape[0]} samples "
            "covers, as a PNG with the text 'downsample' does, but this one says nothing; give --mask-downsample"
        )
    rows, columns = array.shape
    size_xy = size_xy or (columns * downsample, rows * downsample)
    return SlideMask(array != 0, downsample, size_xy=size_xy).around_tumour()


_READERS: dict[str, Callable[[Path, float | None], Outline | SlideMask]] = {
    ".xml": _read_outline,
    ".json": _read_outline,
    ".geojson": _read_outline,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".png": _read_picture,
    ".npy": _read_numpy,
}
