"""The pictures of one radiograph: the film, the probability as heat over it, outlines of found and true lesions."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Box
from lesionkit.core.polyline import simplified

Line = NDArray[np.float64]
"""(n, 2) points (x, y) in pixels of the picture."""

_JPEG_QUALITY = 85
_HEAT_LEVELS = 33
_HEAT_STOPS = (
    (0.0, (80, 60, 220, 0)),
    (0.08, (90, 60, 220, 0)),
    (0.3, (130, 60, 230, 95)),
    (0.6, (225, 50, 150, 135)),
    (1.0, (255, 70, 60, 165)),
)
"""Probability -> red, green, blue and opacity."""

_TOLERANCE = 0.3  # of an outline, in pixels of the picture


@dataclass(frozen=True, eq=False)
class FoundPixels:
    """The samples of one radiograph; all of one shape (y, x).

    Attributes:
        image: uint8, dense tissue bright.
        probability: float32 0..1 of the lesion.
        mask: what was found.
        truth: what is there; None where nobody looked.
        searched: the part that was searched, for example the lungs; None for the whole image.
    """

    image: NDArray[np.uint8]
    probability: NDArray[np.floating]
    mask: NDArray[np.bool_]
    truth: NDArray[np.bool_] | None = None
    searched: Box | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or not self.image.size or self.image.dtype != np.uint8:
            raise LesionkitError(
                f"a radiograph is shown from uint8 samples (y, x), got {self.image.dtype} of shape {self.image.shape}; "
                "convert it by core.grey.to_bytes"
            )
        for name in ("probability", "mask", "truth"):
            array = getattr(self, name)
            if array is not None and array.shape != self.image.shape:
                raise LesionkitError(
                    f"the {name} of a radiograph must have its shape {self.image.shape}, got {array.shape}; resize it"
                )


@dataclass(frozen=True, eq=False)
class RadiographPicture:
    """What a page draws of one radiograph.

    Attributes:
        width, height: pixels of the film.
        film: data URI of the JPEG.
        heat: data URI of a transparent PNG in the probability's colours; None where nothing is warm.
        found, truth: closed outlines.
        searched: (x, y, width, height) of the part that was searched, or None.
    """

    width: int
    height: int
    film: str
    heat: str | None
    found: tuple[Line, ...]
    truth: tuple[Line, ...]
    searched: tuple[float, float, float, float] | None


def radiograph_picture(pixels: FoundPixels, side: int = 512) -> RadiographPicture:
    """The pictures of a radiograph, shrunk so that the longer side has at most `side` pixels; never enlarged."""
    rows, columns = pixels.image.shape
    scale = min(side / max(rows, columns), 1.0)
    height, width = max(round(rows * scale), 1), max(round(columns * scale), 1)
    zoom = (width / columns, height / rows)
    searched = None
    if pixels.searched is not None:
        y, x = pixels.searched
        searched = (x.start * zoom[0], y.start * zoom[1], (x.stop - x.start) * zoom[0], (y.stop - y.start) * zoom[1])
    return RadiographPicture(
        width,
        height,
        _jpeg(pixels.image, (width, height)),
        _heat(pixels.probability, (width, height)),
        outlines(pixels.mask, zoom),
        () if pixels.truth is None else outlines(pixels.truth, zoom),
        searched,
    )


def outlines(mask: NDArray[np.bool_], zoom: tuple[float, float] = (1.0, 1.0)) -> tuple[Line, ...]:
    """Closed lines around a mask (y, x), holes included, between its pixels and their neighbours.

    They are traced at the mask's own size, so that slivers do not vanish in a small picture.

    Args:
        zoom: pixels of the picture per sample, along x and y.
    """
    if not mask.any():
        return ()
    from skimage.measure import find_contours  # only where there is a mask

    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # The first sample's centre lies half a sample from the picture's edge; one sample of padding goes off again.
    corner = np.array([columns[0], rows[0]]) + 0.5 - 1
    lines = []
    for contour in find_contours(np.pad(part, 1).astype(np.float32), 0.5):
        lines.append(simplified((contour[:, ::-1] + corner) * zoom, _TOLERANCE))
    return tuple(lines)


def heat_colours() -> NDArray[np.uint8]:
    """(33, 4) red, green, blue and opacity of probabilities from 0 to 1, as the page's legend shows them.

    >>> heat_colours()[[0, -1]].tolist()
    [[80, 60, 220, 0], [255, 70, 60, 165]]
    """
    at = np.linspace(0, 1, _HEAT_LEVELS)
    stops = [p for p, _ in _HEAT_STOPS]
    columns = [np.interp(at, stops, [colour[i] for _, colour in _HEAT_STOPS]) for i in range(4)]
    return np.rint(np.column_stack(columns)).astype(np.uint8)


def _jpeg(image: NDArray[np.uint8], size: tuple[int, int]) -> str:
    film = Pillow.fromarray(image)
    if film.size != size:
        film = film.resize(size, Pillow.Resampling.LANCZOS)
    stream = io.BytesIO()
    film.save(stream, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _heat(probability: NDArray[np.floating], size: tuple[int, int]) -> str | None:
    """Indexed PNG of half the film's size: the map is smooth, and the browser enlarges it smoothly."""
    half = (max(size[0] // 2, 1), max(size[1] // 2, 1))
    small = Pillow.fromarray(np.asarray(probability, np.float32)).resize(half, Pillow.Resampling.BILINEAR)
    levels = np.rint(np.clip(np.asarray(small), 0, 1) * (_HEAT_LEVELS - 1)).astype(np.uint8)
    colours = heat_colours()
    if not colours[levels.max(), 3]:
        return None
    picture = Pillow.fromarray(levels)
    picture.putpalette(colours[:, :3].tobytes())
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=colours[:, 3].tobytes(), optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
