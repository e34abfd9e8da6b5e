"""Pictures of slides: the colours as one JPEG, and over it the heat map, outlines and marks, each to be hidden."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, Ring, SlideMask
from lesionkit.core.polyline import simplified
from lesionkit.core.slide_place import slide_pixels, slide_world
from lesionkit.core.trace import Polygon, trace
from lesionkit.report.found_slide import FoundSlide, SlideMap

JPEG_QUALITY = 85
RAMP = ((0.0, "#26358c"), (0.3, "#1f9bc4"), (0.5, "#37d19c"), (0.7, "#fff04a"), (0.85, "#ff9a1f"), (1.0, "#e8112d"))
"""Probability -> colour: what haematoxylin and eosin do not stain, up to the highest."""
_HEAT_PX = 800
_CLEAR_BELOW, _FULL_FROM = 0.08, 0.5
_TISSUE_PX = 500
_BARS_MM = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
_MARGIN_PX = 8


@dataclass(frozen=True)
class Layer:
    """A picture within the picture, at (x, y) and of a size in its pixels."""

    uri: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """Outlines as the `d` of an SVG path; `kind` is "tissue", "region", or what became of a known lesion."""

    kind: str
    d: str


@dataclass(frozen=True)
class Pin:
    """A mark at (x, y) with its rank."""

    x: float
    y: float
    label: str
    kind: str


@dataclass(frozen=True)
class SlidePicture:
    """Everything there is to draw of a slide or a part of it.

    Attributes:
        width, height: of the viewBox.
        heat: None where there is none.
        bar: length of the scale bar in pixels.
    """

    width: int
    height: int
    base: str
    alt: str
    bar: float
    bar_label: str
    heat: Layer | None = None
    lines: tuple[Line, ...] = ()
    pins: tuple[Pin, ...] = ()


@dataclass(frozen=True, eq=False)
class Frame:
    """Which part of the world a picture shows.

    Attributes:
        corner_mm: (x, y) of its top left corner.
        pixel_mm: (x, y) size of its pixels.
        size: width and height in pixels.
    """

    corner_mm: NDArray[np.float64]
    pixel_mm: NDArray[np.float64]
    size: tuple[int, int]

    def at(self, world_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(..., 2) picture pixels of places in mm."""
        return np.asarray((world_mm - self.corner_mm) / self.pixel_mm)

    def path(self, rings: Iterable[Ring], tolerance: float = 0.3) -> str:
        """The `d` of rings in mm, without what lies outside the picture; empty where nothing is inside."""
        parts = []
        for ring in rings:
            inside = clipped(self.at(ring), self.size)
            if len(inside) > 2:
                shown = simplified(np.concatenate([inside, inside[:1]]), tolerance)[:-1]
                if len(shown) > 2:
                    parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in shown.tolist()) + "Z")
        return "".join(parts)


def overview_picture(
    slide: FoundSlide, lines: Sequence[Line], frame: Frame, base: str, pins: Sequence[Pin]
) -> SlidePicture:
    """The whole slide with everything over it."""
    width, height = frame.size
    bar_mm = bar_length(float(frame.pixel_mm[0]) * width / 5)
    return SlidePicture(
        width,
        height,
        base,
        f"Overview of slide {slide.case_id} with the probability of tumour, {len(pins)} marks",
        bar_mm / float(frame.pixel_mm[0]),
        bar_label(bar_mm),
        heat_layer(slide.map, frame),
        tuple(lines),
        tuple(pins),
    )


def overview_base(overview: ArrayImage, longest: int) -> tuple[str, Frame]:
    """The overview as a data URI of at most so many pixels a side, and where it lies."""
    rows, columns = overview.grid.shape
    share = min(1.0, longest / max(rows, columns))
    size = (max(1, round(columns * share)), max(1, round(rows * share)))
    picture = Pillow.fromarray(overview.array)
    if share < 1:
        picture = picture.resize(size, Pillow.Resampling.BOX)
    corner = overview.grid.index_to_world([-0.5, -0.5])
    pixel = np.array(overview.grid.size_mm[::-1]) / size
    return jpeg_uri(picture), Frame(corner, pixel, size)


def crop_picture(
    pixels: NDArray[np.uint8], slide: FoundSlide, mark: Candidate, lines: Sequence[tuple[str, Sequence[Ring]]]
) -> SlidePicture:
    """The surroundings of a mark with outlines (kind, rings in mm)."""
    height, width = pixels.shape[:2]
    pixel = np.full(2, slide.crop_um / 1000)
    frame = Frame(np.array(mark.centre_mm) - pixel * (width, height) / 2, pixel, (width, height))
    drawn = [Line(kind, d) for kind, rings in lines if (d := frame.path(rings))]
    bar_mm = bar_length(float(pixel[0]) * width / 3)
    alt = f"{width * pixel[0]:.2g} mm of slide {slide.case_id} around a mark of score {mark.score:.2f}"
    return SlidePicture(
        width,
        height,
        jpeg_uri(Pillow.fromarray(pixels)),
        alt,
        bar_mm / float(pixel[0]),
        bar_label(bar_mm),
        lines=tuple(drawn),
    )


def heat_layer(found: SlideMap, frame: Frame) -> Layer | None:
    """The map as a PNG of palette colours that grow opaque with the probability; None where nothing was computed.

    A map that is finer than the picture shows the highest probability of each block, so that no hot spot vanishes.
    """
    if not found.computed.any():
        return None
    block = -(-max(found.grid.shape) // _HEAT_PX)
    shown = np.where(found.computed, np.nan_to_num(np.asarray(found.array, dtype=np.float32)), 0)
    room = [(0, -n % block) for n in shown.shape]
    rows, columns = ((n + r) // block for n, (_, r) in zip(shown.shape, room, strict=True))
    most = np.pad(shown, room).reshape(rows, block, columns, block).max(axis=(1, 3))
    picture = Pillow.fromarray(np.round(np.clip(most, 0, 1) * 255).astype(np.uint8), mode="P")
    colours, alpha = ramp()
    picture.putpalette(colours.tobytes())
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=alpha.tobytes(), optimize=True)
    first = frame.at(found.grid.index_to_world([-0.5, -0.5]))
    last = frame.at(found.grid.index_to_world([rows * block - 0.5, columns * block - 0.5]))
    x, y, right, low = (float(value) for value in (*first, *last))
    return Layer(_uri(stream, "png"), x, y, right - x, low - y)


def ramp() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(256, 3) colours and (256,) opacity of probabilities 0 to 1."""
    stops = [stop for stop, _ in RAMP]
    rgb = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in RAMP])
    p = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(p, stops, rgb[:, i]) for i in range(3)], axis=1)
    alpha = np.clip((p - _CLEAR_BELOW) / (_FULL_FROM - _CLEAR_BELOW), 0, 1) * 235
    return colours.round().astype(np.uint8), alpha.round().astype(np.uint8)


def tissue_line(tissue: ArrayImage, frame: Frame) -> Line:
    """The edge of the tissue, a little smoothed."""
    from skimage.measure import find_contours

    step = max(1, -(-max(tissue.grid.shape) // _TISSUE_PX))
    small = np.pad(tissue.array[step // 2 :: step, step // 2 :: step].astype(np.float32), 1)
    rings = [
        tissue.grid.index_to_world((contour - 1) * step + step // 2)
        for contour in find_contours(small, 0.5)
        if len(contour) > 12
    ]
    return Line("tissue", frame.path(rings, tolerance=0.6))


def truth_rings(tumour: Outline | SlideMask, slide: FoundSlide) -> list[Ring]:
    """The edges of the known tumour in mm."""
    if isinstance(tumour, Outline):
        rings: list[Ring] = [*tumour.rings, *tumour.holes]
    else:
        corner = np.array(tumour.corner[::-1]) * tumour.downsample
        shown = (polygon.scaled(tumour.downsample, tuple(corner.tolist())) for polygon in trace(tumour.mask))
        rings = [ring for polygon in shown for ring in rings_of(polygon)]
    return [slide_world(ring, slide.grid) for ring in rings]


def rings_of(polygon: Polygon) -> list[Ring]:
    """Its edge and its holes."""
    return [polygon.ring, *polygon.holes]


def pixel_place(slide: FoundSlide, centre_mm: Sequence[float]) -> tuple[int, int]:
    """Pixel (x, y) of the finest level, as QuPath shows it."""
    x, y = np.floor(slide_pixels(centre_mm, slide.grid) + 1e-6).astype(int).tolist()
    return x, y


def clipped(ring: Ring, size: Sequence[int]) -> Ring:
    """The part of a ring inside a picture and a few pixels about it (Sutherland and Hodgman 1974)."""
    width, height = size
    sides = ((0, -_MARGIN_PX, 1), (0, width + _MARGIN_PX, -1), (1, -_MARGIN_PX, 1), (1, height + _MARGIN_PX, -1))
    for axis, bound, sign in sides:
        away = sign * (ring[:, axis] - bound)
        if not len(ring) or (away >= 0).all():
            continue
        following, next_away = np.roll(ring, -1, axis=0), np.roll(away, -1)
        crosses = (away >= 0) != (next_away >= 0)
        share = np.divide(away, away - next_away, out=np.zeros_like(away), where=crosses)
        cut = ring + share[:, None] * (following - ring)
        ring = np.stack([ring, cut], axis=1)[np.stack([away >= 0, crosses], axis=1)]
    return ring


def bar_length(longest_mm: float) -> float:
    """The longest round length that is not longer, mm.

    >>> bar_length(1.7)
    1
    """
    return max((length for length in _BARS_MM if length <= longest_mm), default=_BARS_MM[0])


def bar_label(length_mm: float) -> str:
    """A length as people of the field write it.

    >>> bar_label(0.05), bar_label(2)
    ('50 µm', '2 mm')
    """
    return f"{length_mm * 1000:g} µm" if length_mm < 1 else f"{length_mm:g} mm"


def jpeg_uri(picture: Pillow.Image) -> str:
    """A picture inside a data URI."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    return _uri(stream, "jpeg")


def _uri(stream: io.BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(stream.getvalue()).decode("ascii")
