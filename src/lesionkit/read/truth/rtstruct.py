"""DICOM RT Structure Set -> lesions of the series that it was drawn on."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.core.outline import fill_ring
from lesionkit.core.untrusted import reads
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.truth.label_map import volume_lesion
from lesionkit.read.truth.lesion_words import is_lesion
from lesionkit.read.truth.marked import Marked

_LESION_TYPES = {"GTV"}
_STEP_MM, _LARGEST_MM = 0.25, 1500.0
"""Side of the squares that a contour is filled with, and of the largest contour: wider is no body."""


@reads("a DICOM structure set")
def read_rtstruct(path: Path) -> Marked:
    """The lesions of an RTSTRUCT: regions called GTV or as lesions are; each stack of contours that overlap is one.

    A contour within another of its plane is a hole. A point is a lesion of unknown size.

    Raises:
        LesionkitError: no RTSTRUCT, or one without contours.
    """
    try:
        with warnings.catch_warnings():
            # What pydicom finds odd in the files of others is not for our user to mend.
            warnings.simplefilter("ignore")
            data: Any = read_tags(path, force=False)
            if str(data.get("Modality")) != "RTSTRUCT":
                raise LesionkitError(f"{path}: a DICOM RTSTRUCT is wanted, got modality {data.get('Modality')}")
            names = {int(one.ROINumber): str(one.get("ROIName", "")) for one in data.StructureSetROISequence}
            kinds = {
                int(one.ReferencedROINumber): str(one.get("RTROIInterpretedType", ""))
                for one in data.get("RTROIObservationsSequence", ())
            }
            wanted = {n for n, name in names.items() if is_lesion(name) or kinds.get(n) in _LESION_TYPES}
            found: list[Lesion] = []
            for region in data.ROIContourSequence:
                if int(region.ReferencedROINumber) in wanted:
                    found += _lesions(region.get("ContourSequence", ()), names[int(region.ReferencedROINumber)])
            series = tuple(_series_of(data))
    except (InvalidDicomError, AttributeError, KeyError, IndexError, ValueError, TypeError) as error:
        raise LesionkitError(f"{path}: the RTSTRUCT is damaged or incomplete ({error}); export it again") from error
    passed = [name for number, name in names.items() if number not in wanted]
    notes = (f"{path.name}: {', '.join(passed)} is no lesion by name or type and was passed over",) if passed else ()
    return Marked(path, series, tuple(found), notes, looked_at=bool(wanted))


def _series_of(data: Any) -> list[str]:
    return [
        str(series.SeriesInstanceUID)
        for frame in data.get("ReferencedFrameOfReferenceSequence", ())
        for study in frame.get("RTReferencedStudySequence", ())
        for series in study.get("RTReferencedSeriesSequence", ())
    ]


class _Contour:
    """One closed contour: its area, its centre and its plane."""

    def __init__(self, points: NDArray[np.float64]) -> None:
        self.points, middle = points, points.mean(axis=0)
        # The two directions in which the points lie apart, and the one in which they do not.
        self.axes = np.linalg.svd(points - middle)[2]
        self.flat = (points - middle) @ self.axes[:2].T
        low = self.flat.min(axis=0)
        if not np.ptp(self.flat, axis=0).max() <= _LARGEST_MM:
            raise ValueError(f"a contour is at most {_LARGEST_MM:g} mm wide")
        shape = np.ceil((np.ptp(self.flat, axis=0) / _STEP_MM)[::-1]).astype(int) + 1
        inside = np.argwhere(fill_ring((self.flat - low) / _STEP_MM, shape.tolist()))[:, ::-1] + 0.5
        self.area = len(inside) * _STEP_MM**2
        centre = inside.mean(axis=0) * _STEP_MM + low if len(inside) else np.zeros(2)
        self.centre = middle + centre @ self.axes[:2]
        self.low, self.high = points.min(axis=0), points.max(axis=0)

    def overlaps(self, other: "_Contour", apart: float) -> bool:
        """Whether their boxes meet, grown by the distance of planes along the normal."""
        room = np.abs(self.axes[2]) * apart * 1.1 + 1e-3
        return bool((self.low <= other.high + room).all() and (other.low <= self.high + room).all())

    def holds(self, other: "_Contour") -> bool:
        """Whether another contour of its plane lies within it."""
        if abs((other.points[0] - self.points[0]) @ self.axes[2]) > _STEP_MM:
            return False
        inside = (self.low - _STEP_MM <= other.low).all() and (self.high + _STEP_MM >= other.high).all()
        return bool(inside) and self.area > other.area


def _lesions(contours: Any, name: str) -> list[Lesion]:
    found: list[Lesion] = []
    closed: list[_Contour] = []
    for one in contours:
        points = np.array(one.ContourData, dtype=float).reshape(-1, 3)
        if str(one.ContourGeometricType) == "POINT" or len(points) < 3:
            found.append(Lesion(tuple(points.mean(axis=0).tolist()), 0.0, lesion_id=name))
        else:
            closed.append(_Contour(points))
    if not closed:
        return found
    normal = closed[0].axes[2]
    apart = np.diff(np.unique(np.round([c.points[0] @ normal for c in closed], 2)))
    step = float(np.median(apart)) if len(apart) else 1.0
    groups = _groups(closed, step)
    for number, group in enumerate(groups, start=1):
        signs = [-1 if sum(other.holds(one) for other in group) % 2 else 1 for one in group]
        areas = np.array([sign * one.area for sign, one in zip(signs, group, strict=True)])
        if areas.sum() <= 0:
            continue
        centre = (areas[:, None] * np.array([one.centre for one in group])).sum(axis=0) / areas.sum()
        found.append(volume_lesion(centre, float(areas.sum()) * step, name if len(groups) == 1 else f"{name} {number}"))
    return found


def _groups(contours: list[_Contour], step: float) -> list[list[_Contour]]:
    """Contours that are together, directly or through others."""
    group = list(range(len(contours)))
    for i in range(len(contours)):
        for j in range(i):
            if group[i] != group[j] and contours[i].overlaps(contours[j], step):
                old, new = max(group[i], group[j]), min(group[i], group[j])
                group = [new if g == old else g for g in group]
    return [[c for c, g in zip(contours, group, strict=True) if g == name] for name in sorted(set(group))]
