"""How large a pixel of a slide is: what the user insists on, else what the file says (the scanner's tag, OME, the TIFF
resolution), else what the user says of slides that do not say.

Every other room measures in mm; µm per pixel (mpp) end here.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError

PLAUSIBLE_UM = (0.02, 50.0)
"""Bounds of a slide's pixel; 72 or 96 pixels per inch, which programs write for want of better, lie far outside."""

_NUMBER = r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
_APERIO = re.compile(rf"\bMPP\s*=\s*({_NUMBER})", re.IGNORECASE)
_IMAGEJ = re.compile(r"^unit=(.+)$", re.MULTILINE)
_UM_PER_UNIT = {
    **{
        "nm": 1e-3,
        "um": 1.0,
        "μm": 1.0,
        "micron": 1.0,
        "microns": 1.0,
        "micrometer": 1.0,
        "mm": 1e3,
        "millimeter": 1e3,
    },
    **{"cm": 1e4, "centimeter": 1e4, "dm": 1e5, "m": 1e6, "in": 25_400.0, "inch": 25_400.0, "inches": 25_400.0},
    **{"pm": 1e-6, "å": 1e-4, "angstrom": 1e-4},
}
_TIFF_UNITS = {"2": "inch", "3": "cm"}


def pixel_um(
    path: Path, given: float | None, tags: Mapping[str, str], override: float | None = None
) -> tuple[tuple[float, float], str]:
    """µm per pixel of the finest level in array order (y, x), and where they come from.

    Args:
        given: what the user says of slides that do not say it.
        tags: `openslide.mpp-x` and `-y`, `ome.PhysicalSizeX` and `-Y` with their `Unit`, `tiff.ImageDescription`,
            `tiff.XResolution`, `tiff.YResolution` (pixels per unit), `tiff.ResolutionUnit`; those that are there.
            Numbers may have a comma and an exponent.
        override: what the user insists on, whatever the slide says.

    Raises:
        LesionkitError: no source says it, or what is given is impossible.

    >>> pixel_um(Path("a.svs"), None, {"tiff.ImageDescription": "Aperio|AppMag = 20|MPP = 0,4990"})
    ((0.499, 0.499), 'vendor tag')
    >>> pixel_um(Path("a.ome.tif"), None, {"ome.PhysicalSizeX": "5e-4", "ome.PhysicalSizeXUnit": "mm"})
    ((0.5, 0.5), 'OME')
    >>> pixel_um(Path("a.tif"), 0.5, {"tiff.XResolution": "40000", "tiff.ResolutionUnit": "centimeter"})
    ((0.25, 0.25), 'TIFF resolution')
    """
    for um, name in ((override, "mpp_override"), (given, "mpp")):
        if um is not None and not _is_plausible(um):
            raise LesionkitError(
                f"{name} must be µm per pixel between {PLAUSIBLE_UM[0]:g} and {PLAUSIBLE_UM[1]:g}, got {um:g}"
            )
    if override is not None:
        return (override, override), "option"
    said = said_um(tags)
    if said is not None:
        return said
    if given is not None:
        return (given, given), "option"
    seen = ", ".join(f"{name} {tags[name]}" for name in ("tiff.XResolution", "tiff.ResolutionUnit") if name in tags)
    raise LesionkitError(
        f"{path} must say how large its pixels are, but has no usable tag{f' ({seen})' if seen else ''}; give µm per "
        "pixel of the finest level as --mpp: about 0.25 for a 40x scan, 0.5 for 20x"
    )


def said_um(tags: Mapping[str, str]) -> tuple[tuple[float, float], str] | None:
    """What the file itself says of its pixels, see `pixel_um`; None where it says nothing that can be."""
    for source, found in (("vendor tag", _vendor(tags)), ("OME", _ome(tags)), ("TIFF resolution", _resolution(tags))):
        if found is not None:
            return found, source
    return None


def _is_plausible(um: float) -> bool:
    return math.isfinite(um) and PLAUSIBLE_UM[0] <= um <= PLAUSIBLE_UM[1]


def _vendor(tags: Mapping[str, str]) -> tuple[float, float] | None:
    x, y = _number(tags.get("openslide.mpp-x")), _number(tags.get("openslide.mpp-y"))
    if x is None:
        match = _APERIO.search(tags.get("tiff.ImageDescription", ""))
        x = _number(match[1]) if match else None
    return _pair(x, y)


def _ome(tags: Mapping[str, str]) -> tuple[float, float] | None:
    sides = []
    for axis in "XY":
        size = _number(tags.get(f"ome.PhysicalSize{axis}"))
        unit = _um_of(tags.get(f"ome.PhysicalSize{axis}Unit", "um"))
        sides.append(None if size is None or unit is None else size * unit)
    return _pair(*sides)


def _resolution(tags: Mapping[str, str]) -> tuple[float, float] | None:
    unit = tags.get("tiff.ResolutionUnit", "")
    per_unit = _um_of(_TIFF_UNITS.get(unit, unit))
    if per_unit is None:
        # ImageJ has units of its own, and says so in words.
        match = _IMAGEJ.search(tags.get("tiff.ImageDescription", ""))
        per_unit = _um_of(match[1]) if match else None
    x, y = _number(tags.get("tiff.XResolution")), _number(tags.get("tiff.YResolution"))
    if per_unit is None or not x:
        return None
    return _pair(per_unit / x, per_unit / y if y else None)


def _um_of(unit: str) -> float | None:
    """µm per unit; None for a unit that is no length."""
    # ImageJ escapes what is not ASCII.
    plain = re.sub(r"\\u00b5", "μ", unit.strip(), flags=re.IGNORECASE)
    return _UM_PER_UNIT.get(unicodedata.normalize("NFKC", plain).lower())


def _pair(x: float | None, y: float | None) -> tuple[float, float] | None:
    if x is None or not _is_plausible(x):
        return None
    return (round(y, 9) if y is not None and _is_plausible(y) else round(x, 9), round(x, 9))


def _number(text: str | None) -> float | None:
    """A number in any of the ways that scanners write it: 0.5, 0,5000, 5.0e-1."""
    match = re.fullmatch(_NUMBER, (text or "").strip())
    return float(match[0].replace(",", ".")) if match else None
