"""A folder of DICOM files -> one CT case in HU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.dicom.choose import choose_series
from lesionkit.read.dicom.folder import Folder, list_series, scan_folder
from lesionkit.read.dicom.order import Stack, stack_slices
from lesionkit.read.dicom.pixels import read_pixels
from lesionkit.read.dicom.series import SeriesInfo
from lesionkit.read.hu import refuse_no_hu
from lesionkit.read.options import PADDING_HU, ScanOptions, refuse_voxels

__all__ = ["SeriesInfo", "choose_series", "list_series", "read_series"]


def read_series(folder: Path, options: ScanOptions | None = None) -> Case:
    """One CT series of a folder (and its subfolders) in HU.

    Slices are sorted by their position along the slice normal, each is rescaled with its own tags. A gantry tilt is
    undone by shifting slices within their plane; what was found and done stands in `facts["warnings"]`.

    Args:
        options: which series, and whether gaps may be interpolated.

    Returns:
        A case named by the series UID, with an int16 image of at least -1024 HU.

    Raises:
        LesionkitError: there is no CT series, or it is incomplete, mixed or damaged.
    """
    options = options or ScanOptions()
    found = scan_folder(folder)
    try:
        series = choose_series(found.series, options.series)
    except LesionkitError as error:
        raise LesionkitError(f"{folder}: {error}{_say_strays(found)}") from error
    return read_one(found, series, options)


def read_one(found: Folder, series: SeriesInfo, options: ScanOptions, tell_rest: bool = True) -> Case:
    """One of the series of a folder; see `read_series`.

    Args:
        tell_rest: whether to warn of what else the folder holds.
    """
    try:
        if series.skipped is not None:
            raise LesionkitError(f"{series} cannot be read as a CT volume")
        stack = stack_slices(series.headers, options.allow_gaps)
        refuse_voxels((len(stack.headers), *stack.headers[0].shape), options.most_voxels)
        image = _volume(stack)
        lowest, highest = image.array.min(), image.array.max()
        if lowest == highest:
            raise LesionkitError(f"a scan must show something, but all samples are {lowest} HU")
        refuse_no_hu(image.array, float(lowest), float(highest))
    except LesionkitError as error:
        raise LesionkitError(f"{found.path}: {error}{_say_rest(found, series)}{_say_strays(found)}") from error
    return Case(
        case_id=series.case_id,
        patient_id=series.patient_id or series.case_id,
        image=image,
        facts=_facts(found, series, stack, _notes(found, series) if tell_rest else []),
    )


def _volume(stack: Stack) -> ArrayImage:
    hu = read_pixels(stack.headers)
    start = np.zeros(2)
    if stack.is_sheared:
        hu, start = _unshear(hu, stack.drift)
    if not stack.even:
        hu = _interpolate(hu, stack.heights_mm, stack.spacing_mm[0])
    grid: Grid = stack.grid(len(hu), (hu.shape[1], hu.shape[2]), start)
    return ArrayImage(grid, hu)


def _unshear(hu: NDArray[np.int16], drift: NDArray[np.float64]) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Slices shifted to where they lie, on a canvas that holds them all, and the place of its first sample."""
    start = np.floor(drift.min(axis=0) + 1e-6)
    extra = np.ceil(drift.max(axis=0) - start - 1e-6).astype(int)
    canvas = np.full((len(hu), hu.shape[1] + extra[0], hu.shape[2] + extra[1]), PADDING_HU, dtype=np.int16)
    for target, source, shift in zip(canvas, hu, drift - start, strict=True):
        whole = np.pad(source, ((0, int(extra[0])), (0, int(extra[1]))), constant_values=PADDING_HU)
        ndimage.shift(whole.astype(np.float32), shift, output=target, order=1, cval=PADDING_HU)
    return canvas, start


def _interpolate(hu: NDArray[np.int16], heights: NDArray[np.float64], spacing: float) -> NDArray[np.int16]:
    """Linear between the two nearest slices, at even heights from the first slice on."""
    wanted = np.arange(heights[0], heights[-1] + 0.25 * spacing, spacing).clip(max=heights[-1])
    below = np.clip(np.searchsorted(heights, wanted, side="right") - 1, 0, len(heights) - 2)
    part = (wanted - heights[below]) / (heights[below + 1] - heights[below])
    result = np.empty((len(wanted), *hu.shape[1:]), dtype=np.int16)
    for target, lower, weight in zip(result, below, part.astype(np.float32), strict=True):
        np.rint(hu[lower] * (1 - weight) + hu[lower + 1] * weight, out=target, casting="unsafe")
    return result


def _facts(found: Folder, series: SeriesInfo, stack: Stack, notes: list[str]) -> dict[str, Any]:
    first = stack.headers[0]
    return {
        "path": str(found.path),
        "format": "dicom",
        "series_uid": series.uid,
        "study_uid": series.study_uid,
        "series_number": series.number,
        "series_description": series.description,
        "modality": first.modality,
        "body_part": series.body_part,
        "kernel": series.kernel,
        "contrast_agent": first.text("ContrastBolusAgent"),
        "slice_thickness_mm": first.number("SliceThickness"),
        "manufacturer": first.text("Manufacturer"),
        "model": first.text("ManufacturerModelName"),
        "kvp": first.number("KVP"),
        "exposure_mas": first.number("Exposure"),
        "tube_current_ma": first.number("XRayTubeCurrent"),
        "patient_position": first.text("PatientPosition"),
        "image_type": list(first.image_type),
        "native_spacing_mm": list(stack.spacing_mm),
        "warnings": [*notes, *series.left_out, *stack.warnings, *_odd_tags(stack)],
    }


def _notes(found: Folder, series: SeriesInfo) -> list[str]:
    notes = [sentence for sentence in [_say_strays(found).removeprefix("; ")] if sentence]
    others = [s for s in found.series if s is not series]
    volumes = [s for s in others if s.skipped is None]
    if volumes:
        notes.append(f"read {series}; the folder also holds {'; '.join(map(str, volumes))}; choose with --series")
    if len(others) > len(volumes):
        notes.append("skipped " + "; ".join(str(s) for s in others if s.skipped is not None))
    return notes


def _say_rest(found: Folder, series: SeriesInfo) -> str:
    """Of the same series, what is not part of the volume."""
    rest = [s for s in found.series if s is not series and s.uid == series.uid and s.patient_id == series.patient_id]
    turned = sum(s.slices for s in rest if s.modality == series.modality)
    return f"; {turned} images of the series have another orientation or frame of reference" if turned else ""


def _say_strays(found: Folder) -> str:
    if not found.strays:
        return ""
    return f"; {len(found.strays)} files are no readable DICOM images, first '{found.strays[0].name}'"


def _odd_tags(stack: Stack) -> list[str]:
    first = stack.headers[0]
    unit, tilt = first.text("RescaleType"), first.number("GantryDetectorTilt") or 0.0
    odd = [f"RescaleType says '{unit}', taken as HU"] if unit not in ("", "HU", "US") else []
    if abs(tilt) > 0.5 and not stack.is_sheared and abs(stack.axes[2, 0]) > 0.9999:
        odd.append(
            f"GantryDetectorTilt says {tilt:g} degrees but the slice positions show none; positions were believed"
        )
    return odd
