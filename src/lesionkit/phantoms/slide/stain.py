"""How a laboratory stains and its scanner sees: optical densities of the dyes, light, blur, noise."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.phantoms.slide.noise import Floats

CentreName: TypeAlias = Literal["A", "B"]
Colour: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True)
class Centre:
    """A laboratory and its scanner.

    Attributes:
        haematoxylin, eosin, blood: absorbance of red, green and blue at unit concentration.
        glass: red, green and blue of clear glass, 0 to 255.
        blur_um: standard deviation of the optics.
        noise: standard deviation of the sensor, grey levels.
        jpeg_quality: that the scanner stores with.
    """

    name: CentreName
    haematoxylin: Colour
    eosin: Colour
    blood: Colour
    glass: Colour
    blur_um: float
    noise: float
    jpeg_quality: int


CENTRES: dict[CentreName, Centre] = {
    "A": Centre(
        "A",
        haematoxylin=(0.55, 0.72, 0.43),
        eosin=(0.20, 0.84, 0.48),
        blood=(0.20, 0.95, 0.62),
        glass=(246.0, 241.0, 240.0),
        blur_um=0.35,
        noise=1.6,
        jpeg_quality=85,
    ),
    "B": Centre(
        "B",
        haematoxylin=(0.62, 0.78, 0.27),
        eosin=(0.17, 0.95, 0.22),
        blood=(0.16, 1.05, 0.40),
        glass=(229.0, 226.0, 234.0),
        blur_um=0.52,
        noise=2.4,
        jpeg_quality=72,
    ),
}
"""Two, alike to the two of CAMELYON16: brownish on warm glass, and violet on cold, dimmer and softer."""


def draw_centre(rng: Generator, name: CentreName) -> Centre:
    """The centre on one day: dyes, strengths and light differ a little from slide to slide."""
    centre = CENTRES[name]
    strengths = np.exp(rng.normal(0, (0.16, 0.2)))
    haematoxylin, eosin, blood = (
        _varied(rng, np.array(dye) * strength, 0.05)
        for dye, strength in zip(
            (centre.haematoxylin, centre.eosin, centre.blood), (strengths[0], strengths[1], 1.0), strict=True
        )
    )
    glass = np.clip(np.array(centre.glass) + rng.normal(0, 2.0) + rng.normal(0, 0.8, 3), 0, 253)
    return replace(
        centre,
        haematoxylin=haematoxylin,
        eosin=eosin,
        blood=blood,
        glass=tuple(glass.tolist()),
        blur_um=centre.blur_um * float(rng.uniform(0.85, 1.2)),
    )


@dataclass(frozen=True, eq=False)
class Planes:
    """Concentrations per pixel (rows, columns); None where there is none of it."""

    haematoxylin: Floats
    eosin: Floats
    blood: Floats | None = None
    ink: Floats | None = None
    dust: Floats | None = None

    def each(self, change: Callable[[Floats], Floats]) -> "Planes":
        """The same change of every plane."""
        blood, ink, dust = (None if p is None else change(p) for p in (self.blood, self.ink, self.dust))
        return Planes(change(self.haematoxylin), change(self.eosin), blood, ink, dust)


def colours(centre: Centre, planes: Planes, ink: Colour, noise: Floats) -> NDArray[np.uint8]:
    """(rows, columns, 3) grey levels of what the dyes leave of the light (Beer and Lambert), and noise."""
    rgb = np.empty((*planes.haematoxylin.shape, 3), np.uint8)
    for channel in range(3):
        density = planes.haematoxylin * np.float32(-centre.haematoxylin[channel])
        rest = (
            (planes.eosin, centre.eosin[channel]),
            (planes.blood, centre.blood[channel]),
            (planes.ink, ink[channel]),
            (planes.dust, 1.0),
        )
        for plane, absorbance in rest:
            if plane is not None:
                density -= plane * np.float32(absorbance)
        np.exp(density, out=density)
        density *= np.float32(centre.glass[channel])
        density += noise
        density += np.float32(0.5)
        np.clip(density, 0, 255, out=density)
        rgb[..., channel] = density
    return rgb


def blurred(field: Floats, sigma: float) -> Floats:
    """Gaussian blur by a standard deviation in samples; a short kernel where it is small."""
    if sigma < 0.2:
        return field
    if sigma > 1.2:
        return np.asarray(ndimage.gaussian_filter(field, sigma, mode="nearest", truncate=3.0), dtype=np.float32)
    # The kernel (a, 1 - 2 a, a) twice has twice the variance 2 a.
    for _ in range(2):
        side = np.float32(min(sigma * sigma / 4, 0.33))
        for axis in (0, 1):
            field = _three_taps(field, side, axis)
    return field


def _three_taps(field: Floats, side: np.float32, axis: int) -> Floats:
    result = field * np.float32(1 - 2 * side)
    source, target = (field, result) if axis == 0 else (field.T, result.T)
    shifted = source * side
    target[1:] += shifted[:-1]
    target[:-1] += shifted[1:]
    target[0] += shifted[0]
    target[-1] += shifted[-1]
    return result


def _varied(rng: Generator, colour: NDArray[np.float64], share: float) -> Colour:
    red, green, blue = (colour * np.exp(rng.normal(0, share, 3))).tolist()
    return red, green, blue
