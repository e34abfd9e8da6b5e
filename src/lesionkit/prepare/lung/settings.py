"""Every step and threshold of the lung mask, and the chains that were published as presets of them."""

from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

Preset: TypeAlias = Literal["fast", "threshold", "volume-axis", "kmeans"]


class LungSettings(Settings):
    """How lungs are found: a preset, and each of its steps and thresholds.

    What is not given, or given as None, is the preset's value. The defaults shown are those of "fast". Steps run in
    the order of the fields. Rows are those of the description of the published systems.

    >>> LungSettings(preset="threshold").threshold_hu
    -550.0
    >>> LungSettings(preset="threshold", threshold_hu=-500).threshold_hu
    -500.0
    """

    preset: Preset = "fast"
    """fast: our default at reduced resolution; threshold: system 0; kmeans: system 1; volume-axis: system 2."""
    working_spacing_mm: float = Field(default=2.0, ge=0)
    """Whole numbers of samples are averaged to come near this spacing; 0 works on the image as it is."""

    # Which samples are air.
    method: Literal["threshold", "kmeans"] = "threshold"
    """kmeans: a threshold of its own for each slice (rows 1.3, 2.16), followed only by growth."""
    gaussian_sigma: float = Field(default=0.0, ge=0)
    """Smoothing within each slice before the threshold, in samples; 0 for none (row 2.2: 1)."""
    gaussian_truncate: float = Field(default=2.0, gt=0)
    """Reach of the Gaussian in sigmas (row 2.2)."""
    corner_patch: int = Field(default=0, ge=0)
    """If the top left patch of this many samples is constant, what lies outside the inscribed circle, and what the
    Gaussian smears it into, is not air; 0 for never (row 2.3: 10)."""
    threshold_hu: float = -500.0
    """Below this is air (row 0.6: -550, row 2.4: -600)."""
    clear_border: bool = True
    """In each slice drop air that touches the image's border (row 0.7)."""
    border_air_hu: float = -940.0
    """…if the median of what touches it lies below: a lung cut off by a tight field of view stays (ours); 0 drops
    whatever touches it."""
    min_area_mm2: float = Field(default=30.0, ge=0)
    """In each slice drop smaller pieces of air (row 2.5: 30), with the in-plane spacing (row 2.19 is corrected)."""
    max_eccentricity: float = Field(default=1.0, gt=0, le=1)
    """In each slice drop pieces at least as elongated as this; 1 for none (row 2.5: 0.99)."""
    max_airway_mm2: float = Field(default=800.0, ge=0)
    """Follow the windpipe down from the top while its cut is smaller than this, and take it out; 0 for no search."""

    # Which pieces of air are lung.
    probe: bool = False
    """Drop pieces that touch one of 12 probe samples: four corners and two edge midpoints of the first and the last
    slice (row 2.6)."""
    min_volume_l: float = Field(default=0.2, ge=0)
    """Drop smaller pieces (row 2.7: 0.68)."""
    max_volume_l: float = Field(default=9.0, gt=0)
    """Drop larger pieces (row 2.7: 8.2; 7.5 in the released code)."""
    gas_hu: float = -1024.0
    """Drop pieces whose median lies below this: bowel gas holds no vessels; -1024 for none."""
    axis_area_mm2: float = Field(default=6000.0, ge=0)
    """Slices in which a piece is larger than this count for the central-axis rule (row 2.8)."""
    axis_distance_mm: float = Field(default=62.0, ge=0)
    """Drop a piece whose distance to the slice centre, averaged over those slices, is not below this; 0 switches the
    rule off (row 2.8)."""
    relaxed_axis_area_mm2: float = Field(default=1500.0, ge=0)
    """The same area when nothing survives or the lungs differ in size by more than separation_ratio; then
    the two largest pieces are kept (row 2.10)."""
    relaxed_axis_distance_mm: float = Field(default=92.0, ge=0)
    """The same distance then; 0 for no second try (row 2.10)."""
    cut_step: int = Field(default=0, ge=0)
    """While no piece survives, cut this many more slices off the head end and try again; 0 for never (row 2.9: 2)."""
    max_cuts: int = Field(default=30, ge=0)
    """At most so many tries (row 2.9)."""
    min_total_l: float = Field(default=0.5, ge=0)
    """Less than this in all counts as a failure (ours)."""
    keep_largest: int = Field(default=2, ge=0)
    """Keep exactly so many of the largest pieces (row 0.8, corrected: row 0.9 kept three); 0 keeps all."""

    # What the lungs become.
    fill_holes: bool = True
    """Fill what is enclosed: complement pieces that touch none of the eight corners of the volume (row 2.11); once
    before the lungs are told apart and once at the end, or the middle of a nodule may be left out."""
    max_erosions: int = Field(default=22, ge=0)
    """Erode at most so often until the mask falls into two lungs; 0 for no separation (row 2.12)."""
    separation_ratio: float = Field(default=4.8, gt=1)
    """Two pieces are two lungs when the larger has less than this times the other's volume (row 2.12)."""
    min_apart_mm: float = Field(default=60.0, ge=0)
    """…and when their centres lie further apart than this from left to right: lobes of one lung do not (ours)."""
    slice_cover: float = Field(default=0.0, ge=0, le=1)
    """In each slice of each lung keep the largest pieces that cover this share, within their hulls, and of the lung
    the largest piece; 0 for all (row 2.12: 0.95)."""
    closing_mm: float = Field(default=10.0, ge=0)
    """Radius of the closing of each lung: takes in vessels and nodules at the wall (row 0.10: a cube of 4 samples)."""
    dilation_mm: float = Field(default=0.0, ge=0)
    """Radius of a dilation with a cube (row 0.11: 16 samples a side)."""
    hull: bool = True
    """Replace each slice of each lung by its convex hull (row 2.13)."""
    max_hull_ratio: float = Field(default=1.2, ge=1)
    """…unless the hull is larger than this times the slice (row 2.13: 2)."""
    hull_wall_only: bool = True
    """…and fill only dents of the chest wall, not the heart's (ours); needs two lungs, a single mask gets no hull."""
    growth_mm: float = Field(default=3.0, ge=0)
    """Grow each lung by so much at the end (row 2.13: ten steps of one sample)."""

    # K-means, for a slice 512 samples high; scaled to others.
    kmeans_centre: tuple[int, int] = (100, 400)
    """Rows and columns whose values are clustered (row 1.3)."""
    kmeans_erosion: int = Field(default=4, ge=1)
    """Side of the square that erodes (row 1.3)."""
    kmeans_dilation: int = Field(default=10, ge=1)
    """Side of the square that dilates, before and after the choice of pieces (row 1.3)."""
    kmeans_max_size: int = Field(default=475, ge=1)
    """Pieces must be less high and less wide (row 1.3)."""
    kmeans_rows: tuple[int, int] = (40, 472)
    """Pieces must begin below the first row and end above the second (row 1.3; 470 in row 2.16)."""
    kmeans_island_ratio: float = Field(default=0.0, ge=0)
    """In each slice keep the largest piece if it is this many times the second, else two; 0 for all (row 2.16: 3)."""
    kmeans_max_hu: float = -250.0
    """A slice whose threshold is higher holds no lung: fat and muscle were told apart (ours)."""
    kmeans_fallback: bool = False
    """Try K-means when the chain finds nothing (row 2.16)."""

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {name: value for name, value in values.items() if value is not None}
        preset = given.get("preset", "fast")
        _refuse_foreign_list(given, preset)
        return {**PRESETS.get(preset, {}), **given}


PRESETS: dict[str, dict[str, Any]] = {
    "fast": {},
    "threshold": {
        "working_spacing_mm": 0.0,
        "threshold_hu": -550.0,
        "border_air_hu": 0.0,
        "min_area_mm2": 0.0,
        "max_airway_mm2": 0.0,
        "min_volume_l": 0.0,
        "max_volume_l": 1000.0,
        "axis_distance_mm": 0.0,
        "relaxed_axis_distance_mm": 0.0,
        "max_erosions": 0,
        "closing_mm": 1.5,
        "dilation_mm": 6.0,
        "hull": False,
        "growth_mm": 0.0,
    },
    "volume-axis": {
        "working_spacing_mm": 0.0,
        "gaussian_sigma": 1.0,
        "corner_patch": 10,
        "threshold_hu": -600.0,
        "clear_border": False,
        "max_eccentricity": 0.99,
        "max_airway_mm2": 0.0,
        "probe": True,
        "min_volume_l": 0.68,
        "max_volume_l": 8.2,
        "cut_step": 2,
        "keep_largest": 0,
        "min_apart_mm": 0.0,
        "slice_cover": 0.95,
        "closing_mm": 0.0,
        "hull_wall_only": False,
        "max_hull_ratio": 2.0,
        "growth_mm": 7.0,
        "kmeans_fallback": True,
    },
    "kmeans": {
        "working_spacing_mm": 0.0,
        "method": "kmeans",
        "min_volume_l": 0.0,
        "max_volume_l": 1000.0,
        "max_erosions": 0,
        "closing_mm": 0.0,
        "hull": False,
        "growth_mm": 0.0,
    },
}
"""What differs from "fast" in each published chain. Lengths that were counted in samples are for samples of 0.7 mm."""


def _refuse_foreign_list(given: dict[str, Any], preset: str) -> None:
    """Refuse a file that lists all values of one preset and names another: the values would win unnoticed."""
    if preset not in PRESETS or set(given) != set(LungSettings.model_fields):
        return
    for other in PRESETS:
        listed = LungSettings.model_construct(**PRESETS[other]).model_dump()
        same = all(given[name] == listed[name] for name in listed if name != "preset")
        if same and other != preset:
            raise LesionkitError(
                f"preset is '{preset}' but every value below it is that of '{other}'; "
                "delete those lines, or set them to null, to get the preset's own"
            )
