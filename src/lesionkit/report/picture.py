"""A picture: grey values on square pixels, and what is drawn over them. Knows neither HTML nor Pillow's canvas."""

import base64
import io
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

MarkKind: TypeAlias = Literal["candidate", "lesion", "excluded"]

_JPEG_QUALITY = 88


@dataclass(frozen=True)
class Window:
    """Which HU are shown between black and white."""

    name: str
    level_hu: float
    width_hu: float

    @property
    def label(self) -> str:
        """As radiologists write it.

        >>> LUNG.label
        'L −600 W 1500'
        """
        return f"L {self.level_hu:g} W {self.width_hu:g}".replace("-", "−")

    def grey(self, hu: NDArray[np.floating]) -> NDArray[np.uint8]:
        """HU of any shape to 0 … 255.

        >>> LUNG.grey(np.array([-3000.0, -1350.0, -600.0, 150.0]))
        array([  0,   0, 128, 255], dtype=uint8)
        """
        shown = (hu - (self.level_hu - self.width_hu / 2)) * (255 / self.width_hu)
        return np.asarray(np.clip(shown + 0.5, 0, 255), dtype=np.uint8)


LUNG = Window("lung", -600, 1500)
SOFT_TISSUE = Window("soft", 40, 400)


@dataclass(frozen=True, eq=False)
class Layer:
    """One way to show the samples: (rows, columns) grey values, and what to write beside them."""

    name: str
    label: str
    grey: NDArray[np.uint8]

    @property
    def uri(self) -> str:
        """The picture inside a data URI; JPEG, which is the smallest that is also fast to write."""
        stream = io.BytesIO()
        Pillow.fromarray(self.grey).save(stream, "JPEG", quality=_JPEG_QUALITY)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


@dataclass(frozen=True)
class Mark:
    """A place in a picture.

    Attributes:
        x, y: pixels from the left and top edge; the centre of the first pixel is (0.5, 0.5).
        reach: half the side of the square (candidate) or the radius of the circle (others), in pixels.
        label: what to write beside it, may be empty.
        label_x, label_y: where the label's middle lies.
    """

    x: float
    y: float
    reach: float
    kind: MarkKind = "candidate"
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0

    @property
    def corners(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """Four corner ticks, each three points; they leave the middle of every side open and hide nothing inside."""
        tick = self.reach * 0.45
        return tuple(
            (
                (self.x + sx * self.reach, self.y + sy * (self.reach - tick)),
                (self.x + sx * self.reach, self.y + sy * self.reach),
                (self.x + sx * (self.reach - tick), self.y + sy * self.reach),
            )
            for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        )


@dataclass(frozen=True)
class Letters:
    """Towards which side of the patient the edges of a picture lie: R, L, A, P, H, F or two or three of them."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True, eq=False)
class Picture:
    """Everything there is to draw.

    Attributes:
        layers: the same plane in one or more windows, all of one shape; the first is shown.
        mm_per_pixel: side of a pixel; pixels are square in the patient.
        title: short: "axial · slice 54".
        alt: the picture in one sentence, for whoever cannot see it.
        marks: drawn in this order.
        outlines: (n, 2) closed or open lines of (x, y) in pixels.
        bar_mm: length of the scale bar.
    """

    layers: tuple[Layer, ...]
    mm_per_pixel: float
    letters: Letters
    title: str
    alt: str
    marks: tuple[Mark, ...] = ()
    outlines: tuple[NDArray[np.float64], ...] = ()
    bar_mm: float = 10.0

    @property
    def width(self) -> int:
        return int(self.layers[0].grey.shape[1])

    @property
    def height(self) -> int:
        return int(self.layers[0].grey.shape[0])

    @property
    def bar(self) -> float:
        """Length of the scale bar in pixels."""
        return self.bar_mm / self.mm_per_pixel
