"""Findings with an outline -> GeoJSON of QuPath, with measurements, class and colour."""

from collections.abc import Iterator
from pathlib import Path

from lesionkit.core.handed import Mask, Outlines
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.core.trace import trace
from lesionkit.write.geojson import TUMOUR, Feature, write_geojson
from lesionkit.write.handed.names import name_of

_COLOUR = TUMOUR[1]


def write_geojson_of_outlines(handed: Outlines, out: Path) -> list[Path]:
    """Write `CASE.geojson` in pixels of the finest level, as QuPath shows it; none found is a valid file."""
    return [write_geojson(out / f"{name_of(handed)}.geojson", features_of_outlines(handed))]


def write_geojson_of_mask(handed: Mask, out: Path) -> list[Path]:
    """Write `CASE.geojson` in pixels of the radiograph, a feature per connected piece; none found is a valid file."""
    return [write_geojson(out / f"{name_of(handed)}.geojson", _features_of_mask(handed))]


def features_of_outlines(handed: Outlines) -> Iterator[Feature]:
    """The regions of a slide as QuPath shows them, one after the other."""
    for number, region in enumerate(handed.regions(), start=1):
        measured = {
            "score": region.max_score,
            "mean score": region.mean_score,
            "area mm2": region.area_mm2,
            "length mm": region.length_mm,
        }
        yield Feature(polygon_pixels(region.polygon_mm, handed.grid), measured, f"region {number}")


def _features_of_mask(handed: Mask) -> Iterator[Feature]:
    for number, polygon in enumerate(trace(handed.mask()), start=1):
        name = handed.lesion.capitalize()
        yield Feature(polygon, {"score": handed.score}, f"{handed.lesion} {number}", (name, _COLOUR))
