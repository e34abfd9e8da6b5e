"""The slices of one series -> one ordered, checked, evenly spaced stack."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.read.dicom.header import Header
from lesionkit.read.dicom.pixels import same_pixels
from lesionkit.read.options import MIN_SLICES

_SAME_PLACE_MM = 0.01
_SAME_SPACING_MM = 0.001
_ORIENTATION_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order of position along their normal, rows × columns.

    Attributes:
        heights_mm: (n,) positions along the normal, ascending.
        drift: (n, 2) how far each slice lies beside the first in rows and columns (samples); all 0 unless sheared.
        axes: (3, 3) world directions of growing slice, row and column index, as columns.
        spacing_mm: between slices, rows, columns. The first is the spacing of the even stack to make.
        even: whether the slices are evenly spaced already.
        warnings: sentences on what was found and done.
    """

    headers: tuple[Header, ...]
    heights_mm: NDArray[np.float64]
    drift: NDArray[np.float64]
    axes: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    even: bool
    warnings: tuple[str, ...]

    @property
    def is_sheared(self) -> bool:
        """Whether the slices are shifted against each other by more than half a pixel (gantry tilt)."""
        return bool(np.ptp(self.drift, axis=0).max() > 0.5)

    def grid(self, slices: int, shape: tuple[int, int], start: NDArray[np.float64]) -> Grid:
        """The grid of a volume whose first sample lies `start` (rows, columns) samples beside that of slice 0."""
        between, rows, columns = self.spacing_mm
        origin = np.array(self.headers[0].position_mm) + self.axes[:, 1:] @ (start * [rows, columns])
        direction = tuple(tuple(map(float, row)) for row in self.axes)
        return Grid((slices, *shape), (between, rows, columns), tuple(origin), direction)


def stack_slices(headers: Sequence[Header], allow_gaps: bool = False) -> Stack:
    """Sort and check the slices of one series.

    Raises:
        LesionkitError: fewer than ten slices; slices of two shapes, spacings or orientations; two slices at one
            position; missing or unevenly spaced slices without `allow_gaps`; slices without rescale.
    """
    headers, warnings = _without_damaged(headers)
    _refuse_mixed(headers)
    axes = _axes(headers[0])
    positions = np.array([h.position_mm for h in headers])
    heights = positions @ axes[:, 0]
    order = np.argsort(heights, kind="stable")
    headers, heights, positions = [headers[i] for i in order], heights[order], positions[order]
    headers, keep, copies = _without_copies(headers, heights)
    heights, positions = heights[keep], positions[keep]
    if len(headers) < MIN_SLICES:
        raise LesionkitError(
            f"a CT volume needs at least {MIN_SLICES} slices, got {len(headers)}; "
            "is this a localiser or a part of a series?"
        )
    between, even, uneven = _spacing(heights, allow_gaps, warnings)
    rows, columns = np.median([header.pixel_spacing_mm for header in headers], axis=0)
    spacing = (between, float(rows), float(columns))
    drift = (positions - positions[0]) @ axes[:, 1:] / spacing[1:]
    stack = Stack(tuple(headers), heights, drift, axes, spacing, even, (*warnings, *copies, *uneven))
    if not stack.is_sheared:
        return stack
    angle = np.degrees(np.arctan2(np.linalg.norm(drift[-1] * spacing[1:]), np.ptp(heights)))
    tilt = f"the slices are sheared by {angle:.1f} degrees (gantry tilt); they were shifted onto a right-angled grid"
    return Stack(tuple(headers), heights, drift, axes, spacing, even, (*stack.warnings, tilt))


def _without_damaged(headers: Sequence[Header]) -> tuple[list[Header], list[str]]:
    whole = [header for header in headers if not header.is_truncated]
    damaged = [header.name for header in headers if header.is_truncated]
    if not whole:
        raise LesionkitError(f"every slice of the series is truncated, first '{damaged[0]}'; copy the files again")
    if not damaged:
        return whole, []
    return whole, [f"{len(damaged)} truncated slice files were left out, first '{damaged[0]}'"]


def _refuse_mixed(headers: Sequence[Header]) -> None:
    """One shape, one pixel spacing, one orientation, a rescale everywhere."""
    _refuse_two("shapes", [f"{h.shape[0]}x{h.shape[1]}" for h in headers], headers)
    # Spacings are computed and rounded slice by slice; what differs by less than a micrometre is one grid.
    spacing = np.array([h.pixel_spacing_mm for h in headers])
    if np.ptp(spacing, axis=0).max() > _SAME_SPACING_MM:
        _refuse_two("pixel spacings", ["x".join(f"{v:.4g}" for v in row) + " mm" for row in spacing], headers)
        raise LesionkitError(
            f"pixel spacing must be the same for all slices, got {spacing.min():g} to {spacing.max():g} mm"
        )
    orientation = np.array([h.orientation for h in headers])
    if np.ptp(orientation, axis=0).max() > _ORIENTATION_TOLERANCE:
        _refuse_two("orientations", [str(tuple(np.round(o, 2).tolist())) for o in orientation], headers)
        raise LesionkitError("the orientation must be the same for all slices, got slices that turn; give one series")
    missing = [h.name for h in headers if h.slope is None or h.intercept is None or h.slope == 0]
    if missing:
        raise LesionkitError(
            "every slice needs RescaleSlope and RescaleIntercept to give HU, "
            f"but {len(missing)} of {len(headers)} have none, first '{missing[0]}'; "
            "export the series again with them, or give HU in a .nii.gz or .mha file"
        )


def _refuse_two(noun: str, values: Sequence[str], headers: Sequence[Header]) -> None:
    counts = Counter(values).most_common()
    if len(counts) > 1:
        (usual, n), (other, m) = counts[:2]
        first = next(h.name for h, value in zip(headers, values, strict=True) if value == other)
        raise LesionkitError(
            f"slices of two {noun} in one series: {n} have {usual} but {m} have {other}, first '{first}'; "
            "move the files that do not belong elsewhere"
        )


def _axes(header: Header) -> NDArray[np.float64]:
    """World directions of slice, row and column index, orthonormal even where the tag is rounded."""
    along_columns = np.array(header.orientation[:3])
    along_rows = np.array(header.orientation[3:])
    if abs(along_columns @ along_rows) > 0.01:
        raise LesionkitError(f"rows and columns must be at right angles, got orientation {header.orientation}")
    normal = np.cross(along_columns, along_rows)
    # The nearest orthonormal matrix: tags are rounded to a few digits.
    u, _, vt = np.linalg.svd(np.stack([normal, along_rows, along_columns], axis=1))
    nearest: NDArray[np.float64] = u @ vt
    return nearest


def _without_copies(headers: list[Header], heights: NDArray[np.float64]) -> tuple[list[Header], list[int], list[str]]:
    """Drop second files of one slice (same SOP UID); refuse different slices at one position."""
    keep = [0]
    copies = []
    for i in range(1, len(headers)):
        last = headers[keep[-1]]
        if heights[i] - heights[keep[-1]] > _SAME_PLACE_MM:
            keep.append(i)
        elif headers[i].sop_uid and headers[i].sop_uid == last.sop_uid and same_pixels(headers[i], last):
            copies.append(headers[i].name)
        else:
            raise LesionkitError(
                f"duplicate slices: '{last.name}' and '{headers[i].name}' lie at the same position "
                f"({heights[i]:.2f} mm along the normal); keep one slice per position, or separate the acquisitions"
            )
    note = (
        [f"{len(copies)} files are second copies of a slice and were left out, first '{copies[0]}'"] if copies else []
    )
    return [headers[i] for i in keep], keep, note


def _spacing(heights: NDArray[np.float64], allow_gaps: bool, damaged: Sequence[str]) -> tuple[float, bool, list[str]]:
    """Distance between slices, whether they are even, and what to say of it."""
    count = len(heights)
    gaps = np.diff(heights)
    mean = float(heights[-1] - heights[0]) / (count - 1)
    even = np.linspace(heights[0], heights[-1], count)
    # Positions are often rounded to 0.1 mm.
    if np.abs(heights - even).max() <= max(0.1, 0.1 * mean) and gaps.max() <= 1.5 * mean:
        return mean, True, []
    usual = float(np.median(gaps))
    said = _say_gap(gaps, usual) + "".join(f"; {sentence}" for sentence in damaged)
    if not allow_gaps:
        raise LesionkitError(f"{said}; pass --allow-gaps to interpolate")
    return usual, False, [f"{said}; interpolated"]


def _say_gap(gaps: NDArray[np.float64], usual: float) -> str:
    wide = np.flatnonzero(np.abs(gaps - usual) > max(0.1, 0.1 * usual))
    worst = int(wide[0]) if len(wide) else int(np.argmax(np.abs(gaps - usual)))
    missing = gaps[worst] / usual - 1
    if abs(missing - round(missing)) < 0.1 and round(missing) >= 1:
        lost = "one is missing" if round(missing) == 1 else f"{round(missing)} are missing"
    else:
        lost = "the spacing is uneven"
    more = f", and {len(wide) - 1} more such places" if len(wide) > 1 else ""
    return (
        f"slice gap: {len(gaps) + 1} slices are {usual:.4g} mm apart but slices {worst + 1} and {worst + 2} "
        f"are {gaps[worst]:.4g} mm apart ({lost}){more}"
    )
