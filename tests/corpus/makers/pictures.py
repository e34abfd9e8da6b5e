"""Radiographs as pictures, and slides."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from corpus_makers_content import _picture, _tissue
from PIL import Image, ImageCms


def picture(
    folder: Path,
    path: str,
    picture: Mapping[str, Any] | None = None,
    mode: str | None = None,
    exif_orientation: int | None = None,
    transpose: str | None = None,
    save: Mapping[str, Any] | None = None,
) -> None:
    """A picture as Pillow writes it.

    Args:
        mode: Pillow's, such as "P", "CMYK", "RGBA", "LA", "1", "I;16".
        exif_orientation: 1 to 8; `transpose` ("ROTATE_90" …) turns the pixels before.
        save: words for Pillow's save.
    """
    array = _picture(**(picture or {}))
    image = Image.fromarray(array)
    if mode is not None and mode != image.mode:
        image = image.convert(mode)
    if transpose is not None:
        image = image.transpose(Image.Transpose[transpose])
    words = dict(save or {})
    if exif_orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = exif_orientation
        words["exif"] = exif
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    image.save(folder / path, **words)


def slide(
    folder: Path,
    path: str,
    side: int = 512,
    square: Sequence[int] | None = (64, 128, 320, 384),
    colour: Sequence[int] = (20, 120, 30),
    um: float | None = 0.5,
    levels: int = 1,
    subifds: bool = False,
    convert: str | None = None,
    alpha: Sequence[int] | None = None,
    dtype: str = "uint8",
    scale: float = 1,
    flat: Sequence[int] | None = None,
    planes: int = 1,
    icc: bool = False,
    **save: Any,
) -> None:
    """A tiled TIFF of a disc of tissue with a green square (y0, y1, x0, x1).

    Args:
        um: µm per pixel as TIFF resolution; null writes none.
        levels: each half as wide as the one before; as pages, or as SubIFDs.
        convert: "gray", "inverted", "ycbcr" or "planar" samples.
        alpha: (y0, y1, x0, x1) that are transparent.
        dtype, scale: type of the samples, and by what they are multiplied.
        flat: one colour all over, without tissue.
        planes: focal planes; all but the last are empty.
        icc: an sRGB profile beside the pixels.
        save: words for tifffile, such as tile, compression, description, bigtiff, ome, metadata, byteorder.
    """
    image = _tissue(side, square, colour)
    if flat is not None:
        image[:] = flat
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = {name: save.pop(name) for name in ("bigtiff", "byteorder", "ome") if name in save}
    words: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb", "compression": "deflate", "metadata": None}
    words |= {"compressionargs": {"level": 90}} if save.get("compression") == "jpeg" else {}
    if um is None:
        words |= {"resolution": (1, 1), "resolutionunit": "NONE"}
    else:
        words |= {"resolution": (10_000 / um, 10_000 / um), "resolutionunit": "CENTIMETER"}
    words |= {
        name: tuple(value) if isinstance(value, list) and name != "extrasamples" else value
        for name, value in save.items()
    }
    if icc:
        words["iccprofile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    description = words.pop("description", None)
    with tifffile.TiffWriter(file, **opened) as writer:
        for level in range(levels):
            step = 2**level
            data = _samples(image[::step, ::step], convert, alpha, step, dtype, scale)
            if planes > 1:
                data = np.stack([*[np.full_like(data, 245)] * (planes - 1), data])
            extra: dict[str, Any] = {} if level else {"description": description}
            if level:
                extra = {"subfiletype": 1, "metadata": None}
                if words["resolutionunit"] != "NONE":
                    extra["resolution"] = tuple(value / step for value in words["resolution"])
            elif subifds:
                extra["subifds"] = levels - 1
            writer.write(data, **{**words, **extra})


def zero_tiles(folder: Path, path: str, tiles: Sequence[int] | None = None) -> None:
    """Overwrite the bytes of tiles of the first page with zeros; all of them if none is named."""
    with tifffile.TiffFile(folder / path) as file:
        places = list(zip(file.pages[0].dataoffsets, file.pages[0].databytecounts, strict=True))
    content = bytearray((folder / path).read_bytes())
    for number in range(len(places)) if tiles is None else tiles:
        start, length = places[number]
        content[start : start + length] = bytes(length)
    (folder / path).write_bytes(content)


def _samples(
    image: np.ndarray, convert: str | None, alpha: Sequence[int] | None, step: int, dtype: str, scale: float
) -> np.ndarray:
    image = np.ascontiguousarray(image)
    if convert in ("gray", "inverted"):
        image = np.asarray(Image.fromarray(image).convert("L"))
        image = 255 - image if convert == "inverted" else image
    elif convert == "ycbcr":
        image = np.asarray(Image.fromarray(image).convert("YCbCr"))
    elif convert == "planar":
        image = np.ascontiguousarray(np.moveaxis(image, 2, 0))
    if alpha is not None:
        y0, y1, x0, x1 = (value // step for value in alpha)
        opaque = np.full(image.shape[:2], 255, np.uint8)
        opaque[y0:y1, x0:x1] = 0
        image = np.dstack([image, opaque])
    return image if dtype == "uint8" else (image * np.float64(scale)).astype(dtype)
