"""DICOM Segmentation -> lesions of the series that it was drawn on."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from scipy import ndimage

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import reads
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.truth.label_map import volume_lesion
from lesionkit.read.truth.lesion_words import is_lesion
from lesionkit.read.truth.marked import Marked

_ABNORMAL = {"49755003", "M-01000", "4147007", "27925004"}
"""Codes of what is abnormal, and no organ: morphologically abnormal structure, mass, nodule."""
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@reads("a DICOM segmentation")
def read_seg(path: Path, automatic: bool = True) -> Marked:
    """The lesions of a SEG: binary, fractional (from a half on) or label map; of any orientation.

    A segment is of lesions if its code is that of an abnormal structure or its name says so. A segment that is tracked
    is one lesion; of another each connected piece is one. Places are those of the frames, so that a gantry that was
    tilted is none of our business.

    Raises:
        LesionkitError: no SEG, or one whose frames have no places.
    """
    try:
        with warnings.catch_warnings():
            # What pydicom finds odd in the files of others is not for our user to mend.
            warnings.simplefilter("ignore")
            data: Any = read_tags(path, force=False)
            if str(data.get("Modality")) != "SEG":
                raise LesionkitError(f"{path}: a DICOM SEG is wanted, got modality {data.get('Modality')}")
            frames = data.pixel_array.reshape(-1, int(data.Rows), int(data.Columns))
            segments = {int(one.SegmentNumber): one for one in data.SegmentSequence}
            drawn = {n for n, one in segments.items() if automatic or one.SegmentAlgorithmType != "AUTOMATIC"}
            wanted = {number for number in drawn if _is_lesion(segments[number])}
            found: list[Lesion] = []
            for number in sorted(wanted):
                whole = "TrackingUID" in segments[number]
                found += _lesions(_Frames(data, frames, number), str(segments[number].SegmentLabel), whole)
            passed = [str(segments[number].SegmentLabel) for number in drawn - wanted]
            series = tuple(str(one.SeriesInstanceUID) for one in data.get("ReferencedSeriesSequence", ()))
    except (InvalidDicomError, AttributeError, KeyError, IndexError, ValueError, TypeError) as error:
        raise LesionkitError(f"{path}: the SEG is damaged or incomplete ({error}); export it again") from error
    notes = [f"{path.name}: {', '.join(passed)} is no lesion by name or code and was passed over"] if passed else []
    if len(drawn) < len(segments):
        notes.append(
            f"{path.name}: what a program drew alone is no truth and was passed over; give it as --truth to use it"
        )
    return Marked(path, series, tuple(found), tuple(notes), looked_at=bool(wanted) or not segments)


def _is_lesion(segment: Any) -> bool:
    codes = [
        one
        for name in ("SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence")
        for one in segment.get(name, ())
    ]
    if any(str(code.get("CodeValue")) in _ABNORMAL for code in codes):
        return True
    words = [str(segment.get("SegmentLabel", "")), *(str(code.get("CodeMeaning", "")) for code in codes[1:])]
    return any(is_lesion(word) for word in words)


class _Frames:
    """The frames of one segment, each with its place."""

    def __init__(self, data: Any, frames: NDArray[Any], number: int) -> None:
        self.shared = data.get("SharedFunctionalGroupsSequence", [pydicom.Dataset()])[0]
        groups = data.PerFrameFunctionalGroupsSequence
        kind = str(data.SegmentationType)
        half = int(data.get("MaximumFractionalValue", 1)) / 2
        self.held: list[tuple[NDArray[np.bool_], Any]] = []
        for frame, group in zip(frames, groups, strict=True):
            if kind == "LABELMAP":
                mask = frame == number
            elif int(self.part(group, "SegmentIdentificationSequence").ReferencedSegmentNumber) == number:
                mask = frame >= half if kind == "FRACTIONAL" else frame > 0
            else:
                continue
            if mask.any():
                self.held.append((mask, group))

    def part(self, group: Any, name: str) -> Any:
        """A functional group of a frame, or the one that all frames share."""
        return (group if name in group else self.shared)[name][0]

    def planes(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]]:
        """Mask, position of its first pixel, and world steps per row and column (2, 3) of each frame, mm."""
        for mask, group in self.held:
            position = np.array(self.part(group, "PlanePositionSequence").ImagePositionPatient, dtype=float)
            axes = np.array(self.part(group, "PlaneOrientationSequence").ImageOrientationPatient, dtype=float)
            rows, columns = (float(v) for v in self.part(group, "PixelMeasuresSequence").PixelSpacing)
            # The first three say where columns go on to, which is along a row.
            yield mask, position, np.array([axes[3:] * rows, axes[:3] * columns])

    def thickness(self) -> float:
        """What a frame stands for where there is only one, mm."""
        measures = self.part(self.held[0][1], "PixelMeasuresSequence")
        return float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1)


def _lesions(frames: _Frames, label: str, whole: bool) -> list[Lesion]:
    planes = list(frames.planes())
    if not planes:
        return []
    steps = planes[0][2]
    normal = np.cross(steps[1], steps[0])
    area = float(np.linalg.norm(normal))
    along = np.array([position @ (normal / area) for _, position, _ in planes])
    apart = np.diff(np.unique(np.round(along, 3)))
    step = float(apart.min()) if len(apart) else frames.thickness()
    index = np.round((along - along.min()) / step).astype(int)
    stack = np.zeros((index.max() + 1, *planes[0][0].shape), dtype=bool)
    for place, (mask, _, _) in zip(index, planes, strict=True):
        stack[place] |= mask
    labels, count = (stack.astype(np.int32), 1) if whole else ndimage.label(stack, _EVERY_NEIGHBOUR)
    first = {int(place): (position, axes) for place, (_, position, axes) in zip(index, planes, strict=True)}
    found = []
    for number in range(1, count + 1):
        voxels = np.argwhere(labels == number)
        corners = np.array([first[int(z)][0] for z in voxels[:, 0]])
        axes = np.array([first[int(z)][1] for z in voxels[:, 0]])
        centre = (corners + np.einsum("na,nax->nx", voxels[:, 1:].astype(float), axes)).mean(axis=0)
        name = label if count == 1 else f"{label} {number}"
        found.append(volume_lesion(centre, len(voxels) * area * step, name))
    return found
