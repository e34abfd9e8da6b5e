"""A multi-frame CT -> one header per frame: its place, orientation, spacing and rescale are in functional groups."""

import warnings
from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset

from lesionkit.core.untrusted import read_as
from lesionkit.read.dicom.bounded import read_tags
from lesionkit.read.dicom.header import Header, numbers

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def expand_frames(header: Header) -> list[Header]:
    """The frames of a file, each as if it were a file of its own; a file of one slice is its only frame.

    What neither a frame nor the shared groups say is taken from the file. Frames of several stacks or points in time
    differ in `stack`.

    Raises:
        LesionkitError: what the file says of its frames cannot be understood.
    """
    if header.frames < 2:
        return [header]
    with read_as(header.path, "a CT of several frames"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tags = read_tags(header.path, stop_before_pixels=True, specific_tags=[*_GROUPS])
        shared = _first(tags, _GROUPS[0]) or Dataset()
        frames = list(tags.get(_GROUPS[1]) or [])
        frames += [Dataset()] * (header.frames - len(frames))
        return [_frame(header, number, group, shared) for number, group in enumerate(frames[: header.frames])]


def _frame(header: Header, number: int, group: Dataset, shared: Dataset) -> Header:
    def told(sequence: str, keyword: str) -> Any:
        for place in (group, shared):
            item = _first(place, sequence)
            if item is not None and item.get(keyword) is not None:
                return item.get(keyword)
        return None

    kind = told("CTImageFrameTypeSequence", "FrameType")
    stack = [told("FrameContentSequence", keyword) for keyword in ("StackID", "TemporalPositionIndex")]
    slope, intercept = (told("PixelValueTransformationSequence", f"Rescale{name}") for name in ("Slope", "Intercept"))
    before = number * header.frame_bytes
    return replace(
        header,
        frame=number,
        stack="/".join("" if part is None else str(part) for part in stack).strip("/"),
        sop_uid=f"{header.sop_uid}#{number + 1}" if header.sop_uid else "",
        image_type=header.image_type if kind is None else tuple(str(word).upper() for word in kind),
        position_mm=numbers(told("PlanePositionSequence", "ImagePositionPatient"), 3) or header.position_mm,
        orientation=numbers(told("PlaneOrientationSequence", "ImageOrientationPatient"), 6) or header.orientation,
        pixel_spacing_mm=numbers(told("PixelMeasuresSequence", "PixelSpacing"), 2) or header.pixel_spacing_mm,
        slope=header.slope if slope is None else float(slope),
        intercept=header.intercept if intercept is None else float(intercept),
        pixels_at=None if header.pixels_at is None else header.pixels_at + before,
        pixels_length=None if header.pixels_length is None else max(0, header.pixels_length - before),
    )


def _first(tags: Dataset, sequence: str) -> Dataset | None:
    """The first item of a sequence."""
    items = tags.get(sequence)
    return items[0] if items else None
