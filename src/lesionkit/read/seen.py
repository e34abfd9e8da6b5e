"""What one image on disk is, by its header alone: its size, its place, what is odd about it. No pixel is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.dicom.header import Header, read_header
from lesionkit.read.dicom.order import stack_slices
from lesionkit.read.dicom.series import SeriesInfo
from lesionkit.read.options import MIN_SLICES, ScanOptions
from lesionkit.read.picture import picture_shape
from lesionkit.read.slide.whole import SlideOptions, open_slide
from lesionkit.read.volume import volume_stem
from lesionkit.read.volume_file import open_volume
from lesionkit.read.volume_names import volume_suffix

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
_NEARLY_UPRIGHT_DEGREES = 0.5


@dataclass(frozen=True)
class Seen:
    """One image as its header describes it.

    Attributes:
        size: samples in array order; () where unknown.
        spacing_mm: distance between samples in array order; () where unknown.
        facts: what is told of this kind: series, orientation, levels, µm per pixel.
        warnings: what is odd, in sentences.
        failure: why it cannot be used, None where nothing speaks against it.
    """

    kind: Literal["ct", "radiograph", "slide", "patches", "other"]
    case_id: str
    path: Path
    format: str = ""
    patient_id: str = ""
    size: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    failure: str | None = None


def see_series(series: SeriesInfo, folder: Path, allow_gaps: bool = False) -> Seen:
    """A DICOM series: slices of a CT, or of the kind "other" with the reason why it is none."""
    facts: dict[str, Any] = {
        "series": {"uid": series.uid, "number": series.number, "description": series.description},
        "modality": series.modality,
        "body_part": series.body_part,
        "kernel": series.kernel,
    }
    size = (series.slices, *series.shape)
    seen = Seen("ct", series.case_id, folder, "dicom", size=size, facts=facts, warnings=series.left_out)
    if series.skipped is not None:
        return replace(seen, kind="other", failure=series.skipped)
    first = series.headers[0]
    facts |= {"slice_thickness_mm": first.number("SliceThickness"), "coding": _syntax(first)}
    seen = replace(seen, patient_id=first.text("PatientID"))

    def placed() -> Seen:
        stack = stack_slices(series.headers, allow_gaps)
        # A tilted gantry's canvas is a little larger; its exact size takes the drift of each slice.
        grid = stack.grid(len(stack.headers), series.shape, np.zeros(2))
        return replace(seen, **_place(grid, facts), warnings=(*series.left_out, *stack.warnings))

    return _or_failure(seen, placed)


def see_volume(path: Path, options: ScanOptions | None = None) -> Seen:
    """A volume file: MetaImage, NIfTI or NRRD."""
    seen = Seen("ct", volume_stem(path), path, (volume_suffix(path) or path.suffix).lstrip("."))

    def opened() -> Seen:
        volume = open_volume(path, (options or ScanOptions()).most_voxels)
        placed = replace(seen, **_place(volume.grid, {}), warnings=volume.warnings)
        few = f"a CT volume needs at least {MIN_SLICES} slices, got shape {volume.grid.shape} (z, y, x)"
        return replace(placed, failure=few if min(volume.grid.shape) < MIN_SLICES else None)

    return _or_failure(seen, opened)


def see_picture(path: Path) -> Seen:
    """A radiograph: a DICOM, PNG or JPEG file."""
    header = read_header(path)
    if header is None:
        seen = Seen("radiograph", path.stem, path, path.suffix.lower().lstrip("."))
        return _or_failure(seen, lambda: replace(seen, size=picture_shape(path)))
    facts = {
        "modality": header.modality,
        "body_part": header.text("BodyPartExamined"),
        "photometric": header.text("PhotometricInterpretation"),
        "bits": header.bits_stored,
        "coding": _syntax(header),
    }
    return Seen(
        "radiograph",
        header.sop_uid or path.stem,
        path,
        "dicom",
        header.text("PatientID"),
        header.shape,
        header.pixel_spacing_mm,
        facts,
    )


def see_slide(path: Path, options: SlideOptions | None = None) -> Seen:
    """A whole slide: its levels and µm per pixel."""
    seen = Seen("slide", path.stem, path, path.suffix.lower().lstrip("."))

    def opened() -> Seen:
        slide = open_slide(path, options)
        levels = [
            {"size": list(level.grid.shape), "um": round(level.grid.spacing_mm[1] * 1000, 6)} for level in slide.levels
        ]
        facts = {"um_per_pixel": levels[0]["um"], "um_from": slide.mpp_from, "levels": levels}
        grid = slide.grid
        return replace(seen, size=grid.shape, spacing_mm=grid.spacing_mm, facts=facts, warnings=slide.warnings)

    return _or_failure(seen, opened)


def orientation_of(grid: Grid) -> str:
    """Where columns, rows and slices of a volume grow to, as letters of the patient: "LPS" is upright.

    >>> orientation_of(Grid.upright((40, 512, 512), (2.5, 0.7, 0.7)))
    'LPS'
    """
    direction = np.array(grid.direction)[:, ::-1]
    letters = "".join(_letter(axis) for axis in direction.T)
    off = float(np.degrees(np.arccos(np.clip(np.abs(direction).max(axis=0).min(), -1, 1))))
    return letters if off < _NEARLY_UPRIGHT_DEGREES else f"{letters}, turned by {off:.1f}°"


def _letter(axis: NDArray[np.float64]) -> str:
    world = int(np.abs(axis).argmax())
    return _LETTERS[world][int(axis[world] > 0)]


def _place(grid: Grid, facts: Mapping[str, Any]) -> dict[str, Any]:
    placed = {**facts, "orientation": orientation_of(grid), "origin_mm": [round(o, 4) for o in grid.origin_mm]}
    return {"size": grid.shape, "spacing_mm": tuple(round(s, 6) for s in grid.spacing_mm), "facts": placed}


def _or_failure(seen: Seen, look: Callable[[], Seen]) -> Seen:
    try:
        return look()
    except LesionkitError as error:
        return replace(seen, failure=" ".join(str(error).split()))


def _syntax(header: Header) -> str:
    return header.syntax_name
