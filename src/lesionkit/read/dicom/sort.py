"""Which images are one scan: those of one patient, study, series, frame of reference and orientation.

A series UID alone does not tell: pseudonymisers give one to every patient, and scanners give one to a volume and its
reformats.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from lesionkit.read.dicom.header import Header
from lesionkit.read.options import MIN_SLICES

_SAME_DIRECTION = 1e-3
_SAME_PLACE_MM = 0.01

Group: TypeAlias = list[Header]


def sort_images(headers: Sequence[Header], is_part: Callable[[Header], bool]) -> list[Group]:
    """Images dealt to scans, whatever folders they lie in.

    Who does not say which patient, study, series or frame of reference it is of joins those it else belongs to, where
    there is but one. Files in two folders that hold the same slices, or slices of the same numbers, are two scans of
    one name: copies, or patients who share all their UIDs.

    Args:
        is_part: whether an image can be part of a volume; the others of a series go with its largest volume.
    """
    groups: list[Group] = [list(headers)]
    for told in (_modality, _series, _study, _patient, _frame_of_reference, _stack):
        groups = [part for group in groups for part in _split(group, told)]
    found = []
    for group in groups:
        parts = [h for h in group if is_part(h)]
        rest = [h for h in group if not is_part(h)]
        turned = [piece for same in _by_orientation(parts) for piece in _by_folder(same)]
        if turned:
            turned[0] += rest
        found += turned or [rest]
    return found


def _modality(header: Header) -> str:
    return header.modality


def _series(header: Header) -> str:
    return header.series_uid


def _study(header: Header) -> str:
    return header.study_uid


def _patient(header: Header) -> str:
    return header.patient


def _frame_of_reference(header: Header) -> str:
    return header.frame_of_reference


def _stack(header: Header) -> str:
    return header.stack


def _split(group: Group, told: Callable[[Header], str]) -> list[Group]:
    by: dict[str, Group] = defaultdict(list)
    for header in group:
        by[told(header)].append(header)
    if len(by) == 2 and "" in by:
        return [group]
    return list(by.values())


def _by_orientation(group: Group) -> list[Group]:
    """The largest first; tags are rounded, so directions that hardly differ are one."""
    left = [(header, np.array(header.orientation)) for header in group]
    found: list[Group] = []
    while left:
        usual = Counter(tuple(np.round(direction, 2)) for _, direction in left).most_common(1)[0][0]
        first = next(direction for _, direction in left if tuple(np.round(direction, 2)) == usual)
        near = [bool(np.abs(direction - first).max() <= _SAME_DIRECTION) for _, direction in left]
        found.append([header for (header, _), same in zip(left, near, strict=True) if same])
        left = [pair for pair, same in zip(left, near, strict=True) if not same]
    return sorted(found, key=len, reverse=True)


def _by_folder(group: Group) -> list[Group]:
    """A scan that lies in several folders, or the scans of one name that lie in one each."""
    folders: dict[Path, Group] = defaultdict(list)
    for header in group:
        folders[header.path.parent].append(header)
    if len(folders) < 2 or not _collide(list(folders.values())):
        return [group]
    parts = _below(folders)
    few = [header for part in parts if len(part) < MIN_SLICES for header in part]
    alone = [part for part in parts if len(part) >= MIN_SLICES]
    # Some files that are there twice are no second scan.
    if len(alone) < 2 or not _only_copies(few, alone):
        return [group]
    alone[0] += few
    return [piece for part in alone for piece in _by_folder(part)]


def _below(folders: dict[Path, Group]) -> list[Group]:
    """The images by the folders at the first place where their paths part, in order of their names."""
    depth = 0
    while len({folder.parts[: depth + 1] for folder in folders}) == 1:
        depth += 1
    by: dict[tuple[str, ...], Group] = defaultdict(list)
    for folder in sorted(folders):
        by[folder.parts[: depth + 1]] += folders[folder]
    return list(by.values())


def _collide(parts: list[Group]) -> bool:
    """Whether two folders hold the same slice, two slices at one place, or two slices of one number."""
    marks = [_marks(part) for part in parts]
    return sum(map(len, marks)) > len(set().union(*marks))


def _marks(part: Group) -> set[tuple[str, object]]:
    """What no two slices of a scan share."""
    marks: set[tuple[str, object]] = {("uid", h.sop_uid) for h in part if h.sop_uid}
    row, column = np.array(part[0].orientation[:3]), np.array(part[0].orientation[3:])
    heights = [float(np.cross(row, column) @ np.array(h.position_mm)) for h in part]
    marks |= {("place", round(height / _SAME_PLACE_MM)) for height in heights}
    numbers = [h.numbers for h in part]
    # Numbers that are given to several slices of one folder number nothing, nor does the number of a single file.
    if len(part) > 1 and len(set(numbers)) == len(part) and all(number for _, number in numbers):
        marks |= {("number", number) for number in numbers}
    return marks


def _only_copies(part: Group, others: list[Group]) -> bool:
    elsewhere = {h.sop_uid for other in others for h in other}
    return all(h.sop_uid and h.sop_uid in elsewhere for h in part)
