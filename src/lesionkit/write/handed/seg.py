"""Findings -> DICOM Segmentation: one segment per finding, and only frames that hold something."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from highdicom.content import PlanePositionSequence
from highdicom.enum import CoordinateSystemNames
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.handed import Balls, Handed, Maker, Mask, NothingFoundError, Plane
from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.balls import Disc, discs_of, labels_of
from lesionkit.write.handed.names import name_of
from lesionkit.write.handed.sources import called, dated, read_sources, refuse_no_planes, tracking_of, uids_of
from lesionkit.write.handed.terms import TERMS, content, equipment, found_by

Coding = Literal["BINARY", "LABELMAP"]
NOTHING = "nothing was found, and a DICOM segmentation cannot be empty, so none was written"
_SERIES = {"BINARY": 9001, "LABELMAP": 9002}


def write_seg_of_balls(handed: Balls, out: Path, coding: Coding = "BINARY") -> list[Path]:
    """Write `CASE.seg.dcm`, a ball per finding; see `segmentation_of_balls`.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the images are none of DICOM, gone, or others.
    """
    return [save_seg(segmentation_of_balls(handed, coding), handed, out, coding)]


def write_seg_of_mask(handed: Mask, out: Path, coding: Coding = "BINARY") -> list[Path]:
    """Write `CASE.seg.dcm`, the mask as one segment.

    Raises:
        LesionkitError: as `write_seg_of_balls`.
    """
    return [save_seg(segmentation_of_mask(handed, coding), handed, out, coding)]


def write_labelmap_of_balls(handed: Balls, out: Path) -> list[Path]:
    """Write `CASE.labelmap.dcm`; see `write_seg_of_balls`."""
    return write_seg_of_balls(handed, out, "LABELMAP")


def write_labelmap_of_mask(handed: Mask, out: Path) -> list[Path]:
    """Write `CASE.labelmap.dcm`; see `write_seg_of_mask`."""
    return write_seg_of_mask(handed, out, "LABELMAP")


def segmentation_of_balls(handed: Balls, coding: Coding = "BINARY") -> Segmentation:
    """Segment i is the ball of finding i on the slices that it touches.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the images are none of DICOM, gone, or others.
    """
    planes = handed.planes()
    refuse_no_planes(handed, planes)
    if not handed.balls:
        raise NothingFoundError(f"{handed.case_id}: {NOTHING}")
    discs = discs_of(handed, planes)
    used = [planes[i] for i in sorted({disc.plane for disc in discs})]
    sources = read_sources(used)
    segments = [
        segment_of(handed, sources[0], number, _told(ball)) for number, ball in enumerate(handed.balls, start=1)
    ]
    if coding == "LABELMAP":
        labels = labels_of(discs, planes)
        return segmentation_of(handed, used, sources, np.stack([labels[i] for i in sorted(labels)]), segments, coding)
    made = segmentation_of(handed, used, sources, _standing_for(discs, used), segments, coding)
    _draw(made, discs, planes)
    return made


def _standing_for(discs: Sequence[Disc], used: Sequence[Plane]) -> NDArray[np.uint16]:
    """Labels that lead to the same frames as the discs, one sample for each.

    highdicom makes of labels a frame for each segment and slice. Discs may overlap, labels cannot, and an array for
    each of many findings takes gigabytes. So it lays out the frames, and `_draw` fills them.
    """
    row_of = {plane: row for row, plane in enumerate(sorted({disc.plane for disc in discs}))}
    labels = np.zeros((len(used), math.prod(used[0].shape)), np.uint16)
    for disc in discs:
        labels[row_of[disc.plane], disc.ball - 1] = disc.ball
    return labels.reshape(len(used), *used[0].shape)


def _draw(made: Segmentation, discs: Sequence[Disc], planes: Sequence[Plane]) -> None:
    """Put the discs into the frames that stand for them."""
    held = {(disc.ball, disc.plane): disc for disc in discs}
    numbers = sorted({disc.plane for disc in discs})
    places = np.array([planes[number].position_mm for number in numbers])
    frames = np.zeros((int(made.NumberOfFrames), made.Rows, made.Columns), bool)
    alone = made.SharedFunctionalGroupsSequence[0]
    for frame, item in zip(frames, made.PerFrameFunctionalGroupsSequence, strict=True):
        place = (item if "PlanePositionSequence" in item else alone).PlanePositionSequence[0].ImagePositionPatient
        segment = (item if "SegmentIdentificationSequence" in item else alone).SegmentIdentificationSequence[0]
        away = np.abs(places - np.array(place, float)).sum(axis=1)
        disc = held[int(segment.ReferencedSegmentNumber), numbers[int(away.argmin())]]
        frame[disc.box] = disc.inside
    bits = np.packbits(frames.ravel(), bitorder="little").tobytes()
    made.PixelData = bits + b"\0" * (len(bits) % 2)
    made.SegmentsOverlap = "UNDEFINED" if len(made.SegmentSequence) > 1 else "NO"


def segmentation_of_mask(handed: Mask, coding: Coding = "BINARY") -> Segmentation:
    """The mask of a picture as its one segment.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the image is none of DICOM, gone, or another one.
    """
    planes = handed.planes()
    refuse_no_planes(handed, planes)
    mask = handed.mask()
    if not mask.any():
        raise NothingFoundError(f"{handed.case_id}: {NOTHING}")
    if mask.shape != tuple(planes[0].shape):
        raise LesionkitError(
            f"{handed.path}: the mask was found on {mask.shape[0]} x {mask.shape[1]} samples, but the image has "
            f"{planes[0].shape[0]} x {planes[0].shape[1]}; is this the image that was searched?"
        )
    sources = read_sources(planes)
    segment = segment_of(handed, sources[0], 1, f"score {handed.score:.4g}")
    return segmentation_of(handed, planes[:1], sources, mask[None].astype(np.uint8), [segment], coding)


def _told(ball: Candidate) -> str:
    size = "size unknown" if ball.diameter_mm is None else f"diameter {ball.diameter_mm:.1f} mm"
    return f"score {ball.score:.4g}, {size}, drawn as a ball"


def _how(maker: Maker) -> SegmentAlgorithmTypeValues:
    """Whether readers had a hand in it."""
    return SegmentAlgorithmTypeValues.SEMIAUTOMATIC if maker.readers else SegmentAlgorithmTypeValues.AUTOMATIC


def segment_of(handed: Handed, source: Dataset, number: int, told: str) -> SegmentDescription:
    """What a segment is: finding `number`, from 1, in the words of the field, and what is told of it."""
    term = TERMS[handed.lesion]
    name, uid = tracking_of(handed, source, number)
    segment = SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=term.category,
        segmented_property_type=term.type,
        **found_by(handed, _how(handed.maker)),
        tracking_uid=uid,
        tracking_id=name,
    )
    segment.SegmentDescription = told
    return segment


def segmentation_of(
    handed: Handed,
    planes: Sequence[Plane],
    sources: list[Dataset],
    labels: NDArray[Any],
    segments: list[SegmentDescription],
    coding: Coding,
    tiled: bool = False,
) -> Segmentation:
    """Labels (planes, rows, columns) as a segmentation that refers to its sources.

    Args:
        planes: that are drawn on.
        labels: number of the segment, from 1; 0 is none.
        tiled: the one plane is a level of a slide, and its tiles become frames.

    Raises:
        LesionkitError: the tags of the images do not allow to refer to them.
    """
    first = sources[0]
    told = [one.SegmentDescription for one in segments]
    series, instance = uids_of(handed, first, f"seg {coding}", *told, labels.sum())
    places = None
    if not tiled and "NumberOfFrames" in first and int(first.NumberOfFrames or 1) > 1:
        # Of a multi-frame image only the frames that hold something are drawn.
        places = [PlanePositionSequence(CoordinateSystemNames.PATIENT, plane.position_mm) for plane in planes]
    try:
        made = Segmentation(
            source_images=sources,
            pixel_array=labels,
            segmentation_type=coding,
            segment_descriptions=segments,
            series_instance_uid=series,
            series_number=_SERIES[coding],
            sop_instance_uid=instance,
            instance_number=1,
            **equipment(handed.maker),
            **content(handed),
            transfer_syntax_uid=ExplicitVRLittleEndian if coding == "BINARY" else RLELossless,
            plane_positions=places,
            tile_pixel_array=tiled,
        )
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise LesionkitError(
            f"{planes[0].path}: no segmentation can refer to this image ({type(error).__name__}: {error}); mend its "
            "tags, or export to a format that refers to none"
        ) from error
    made.SeriesDescription = called(handed, "segments")
    if tiled:
        made.PatientOrientation = ""
    if "ImageOrientationPatient" not in first and "FrameOfReferenceUID" not in first:
        made.PatientOrientation = first.get("PatientOrientation") or ""
        # Without a slice thickness highdicom refuses to read them again; the radiograph has them.
        made.SharedFunctionalGroupsSequence[0].pop("PixelMeasuresSequence", None)
    dated(made, handed)
    return made


def save_seg(made: Segmentation, handed: Handed, out: Path, coding: Coding = "BINARY") -> Path:
    """Write `CASE.seg.dcm`, or `CASE.labelmap.dcm`; returns the path."""
    path = out / f"{name_of(handed)}.{'seg' if coding == 'BINARY' else 'labelmap'}.dcm"
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
    return path
