"""How large a pixel of a slide is: what the user says, else the scanner's tag, else the TIFF resolution, else nothing.

Every other room measures in mm; µm per pixel (mpp) end here.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from lesionkit.core.errors import LesionkitError

PLAUSIBLE_UM = (0.02, 50.0)
"""Bounds of a slide's pixel; 72 or 96 pixels per inch, which programs write for want of better, lie far outside."""

_APERIO = re.compile(r"\bMPP\s*=\s*([0-9.]+)", re.IGNORECASE)
_UM_PER_UNIT = {2: 25_400.0, 3: 10_000.0, "inch": 25_400.0, "centimeter": 10_000.0}


def pixel_um(path: Path, given: float | None, tags: Mapping[str, str]) -> tuple[tuple[float, float], str]:
    """µm per pixel of the finest level in array order (y, x), and where they come from.

    Args:
        given: what the user says, wins over everything.
        tags: `openslide.mpp-x` and `-y`, `tiff.ImageDescription`, `tiff.XResolution`, `tiff.YResolution` (pixels per
            unit), `tiff.ResolutionUnit`; those that are there.

    Raises:
        LesionkitError: no source says it, or what is given is impossible.

    >>> pixel_um(Path("a.svs"), None, {"tiff.ImageDescription": "Aperio|AppMag = 20|MPP = 0.4990"})
    ((0.499, 0.499), 'vendor tag')
    >>> pixel_um(Path("a.tif"), None, {"tiff.XResolution": "40000", "tiff.ResolutionUnit": "centimeter"})
    ((0.25, 0.25), 'TIFF resolution')
    """
    if given is not None:
        if not _is_plausible(given):
            raise LesionkitError(
                f"mpp must be µm per pixel between {PLAUSIBLE_UM[0]:g} and {PLAUSIBLE_UM[1]:g}, got {given:g}"
            )
        return (given, given), "option"
    for source, found in (("vendor tag", _vendor(tags)), ("TIFF resolution", _resolution(tags))):
        if found is not None:
            return found, source
    said = ", ".join(f"{name} {tags[name]}" for name in ("tiff.XResolution", "tiff.ResolutionUnit") if name in tags)
    raise LesionkitError(
        f"{path} must say how large its pixels are, but has no usable tag{f' ({said})' if said else ''}; give µm per "
        "pixel of the finest level as mpp: about 0.25 for a 40x scan, 0.5 for 20x"
    )


def _is_plausible(um: float) -> bool:
    return math.isfinite(um) and PLAUSIBLE_UM[0] <= um <= PLAUSIBLE_UM[1]


def _vendor(tags: Mapping[str, str]) -> tuple[float, float] | None:
    x, y = _number(tags.get("openslide.mpp-x")), _number(tags.get("openslide.mpp-y"))
    if x is None:
        match = _APERIO.search(tags.get("tiff.ImageDescription", ""))
        x = _number(match[1]) if match else None
    return _pair(x, y)


def _resolution(tags: Mapping[str, str]) -> tuple[float, float] | None:
    unit = tags.get("tiff.ResolutionUnit", "")
    per_unit = _UM_PER_UNIT.get(int(unit) if unit.isdigit() else unit.lower())
    x, y = _number(tags.get("tiff.XResolution")), _number(tags.get("tiff.YResolution"))
    if per_unit is None or not x:
        return None
    return _pair(per_unit / x, per_unit / y if y else None)


def _pair(x: float | None, y: float | None) -> tuple[float, float] | None:
    if x is None or not _is_plausible(x):
        return None
    return (y if y is not None and _is_plausible(y) else x, x)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
