"""Findings -> DICOM Structured Report (TID 1500) that refers to the segments of a DICOM Segmentation, and that too.

Viewers draw the segments; a report alone they list at most.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues3D,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    RelationshipTypeValues,
    Scoord3DContentItem,
    SourceImageForMeasurementGroup,
    SourceImageForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lesionkit.core.files import replacing
from lesionkit.core.handed import Balls, Handed, Mask, Plane
from lesionkit.core.lesion import Candidate
from lesionkit.write.dicom import uid_of
from lesionkit.write.handed.names import name_of
from lesionkit.write.handed.seg import save_seg, segmentation_of_balls, segmentation_of_mask
from lesionkit.write.handed.sources import (
    called,
    dated,
    read_sources,
    refuse_no_planes,
    tracking_of,
    uids_of,
)
from lesionkit.write.handed.terms import MANUFACTURER, TERMS, equipment

_PRESENCE = Code("705057003", "SCT", "Presence")
_ABSENT = Code("2667000", "SCT", "Absent")
_CT, _XRAY = codes.cid100.CTUnspecifiedBodyRegion, codes.cid100.XRUnspecifiedBodyRegion
_SERIES = 9003


def write_sr_of_balls(handed: Balls, out: Path) -> list[Path]:
    """Write `CASE.sr.dcm` and the `CASE.seg.dcm` that it refers to; the report alone where nothing was found.

    Of each finding: centre, diameter, volume of a ball of that diameter, score in percent, tracking ids, algorithm.

    Raises:
        LesionkitError: the images are none of DICOM, gone, or others.
    """
    planes = handed.planes()
    refuse_no_planes(handed, planes)
    if not handed.balls:
        return [_save(_report(handed, read_sources(planes), [_nothing(handed, planes)], _CT), handed, out)]
    seg = segmentation_of_balls(handed)
    groups = [_ball(handed, seg, number, ball) for number, ball in enumerate(handed.balls, start=1)]
    report = _report(handed, [*_drawn_on(seg, planes), seg], groups, _CT)
    return [_save(report, handed, out), save_seg(seg, handed, out)]


def write_sr_of_mask(handed: Mask, out: Path) -> list[Path]:
    """Write `CASE.sr.dcm` and the `CASE.seg.dcm` that it refers to; the report alone where nothing was found.

    Of the finding: score in percent, area where the file tells the size of its pixels, tracking ids, algorithm.

    Raises:
        LesionkitError: as `write_sr_of_balls`.
    """
    planes = handed.planes()
    refuse_no_planes(handed, planes)
    sources = read_sources(planes)
    if not handed.mask().any():
        return [_save(_report(handed, sources, [_nothing(handed, planes)], _XRAY), handed, out)]
    seg = segmentation_of_mask(handed)
    group = _area(handed, seg)
    return [_save(_report(handed, [*sources, seg], [group], _XRAY), handed, out), save_seg(seg, handed, out)]


def _ball(
    handed: Balls, seg: Segmentation, number: int, ball: Candidate
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    measured = [_score(ball.score)]
    if ball.diameter_mm is not None:
        measured += [
            Measurement(codes.SCT.Diameter, round(ball.diameter_mm, 3), codes.UCUM.Millimeter),
            Measurement(codes.SCT.Volume, round(math.pi / 6 * ball.diameter_mm**3, 3), codes.UCUM.CubicMillimeter),
        ]
    group = VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=ReferencedSegment.from_segmentation(seg, number),
        measurements=measured,
        **_said(handed, seg, number),
    )
    centre = Scoord3DContentItem(
        codes.DCM.Center,
        GraphicTypeValues3D.POINT,
        np.array([ball.centre_mm]),
        frame_of_reference_uid=seg.FrameOfReferenceUID,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    group[0].ContentSequence.append(centre)
    return group


def _area(handed: Mask, seg: Segmentation) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    measured, case = [_score(handed.score)], handed.case()
    if case.facts.get("spacing_known"):
        area = float(handed.mask().sum()) * case.image.grid.voxel_mm
        measured.append(Measurement(codes.SCT.Area, round(area, 3), codes.UCUM.SquareMillimeter))
    named = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    image = SourceImageForSegmentation(named.ReferencedSOPClassUID, named.ReferencedSOPInstanceUID)
    frame = ReferencedSegmentationFrame(seg.SOPClassUID, seg.SOPInstanceUID, 1, 1, image)
    # The standard wants either number (part 3, table 10-3); the frame has but one segment.
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=frame,
        measurements=measured,
        **_said(handed, seg, 1),
    )


def _score(score: float) -> Measurement:
    return Measurement(codes.DCM.CertaintyOfFinding, round(100 * score, 6), codes.UCUM.Percent)


def _said(handed: Handed, seg: Dataset, number: int) -> dict[str, Any]:
    """What is said of every finding alike."""
    term = TERMS[handed.lesion]
    described = seg.SegmentSequence[number - 1]
    return {
        "tracking_identifier": TrackingIdentifier(described.TrackingUID, described.TrackingID),
        "finding_category": term.category,
        "finding_type": term.type,
        "finding_sites": [FindingSite(term.site)],
        "algorithm_id": _algorithm(handed),
    }


def _algorithm(handed: Handed) -> AlgorithmIdentification:
    maker = handed.maker
    told = [f"{name}: {value}" for name, value in maker.parameters.items()]
    return AlgorithmIdentification(f"lesionkit {maker.recipe}", maker.version, told)


def _nothing(handed: Handed, planes: Sequence[Plane]) -> MeasurementsAndQualitativeEvaluations:
    """That it was looked for, and is absent."""
    term, (source, *_) = TERMS[handed.lesion], read_sources(planes[:1])
    name, uid = tracking_of(handed, source, 0)
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid, name),
        finding_category=term.category,
        finding_type=term.type,
        finding_sites=[FindingSite(term.site)],
        algorithm_id=_algorithm(handed),
        qualitative_evaluations=[QualitativeEvaluation(_PRESENCE, _ABSENT)],
        source_images=[SourceImageForMeasurementGroup.from_source_image(source)],
    )


def _drawn_on(seg: Segmentation, planes: Sequence[Plane]) -> list[Dataset]:
    """The images that a segmentation refers to."""
    named = {
        str(item.ReferencedSOPInstanceUID)
        for series in seg.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    return [source for source in read_sources(planes) if str(source.SOPInstanceUID) in named]


def _report(handed: Handed, evidence: Sequence[Dataset], groups: Sequence[Any], procedure: Code) -> Comprehensive3DSR:
    maker, first = handed.maker, evidence[0]
    device = DeviceObserverIdentifyingAttributes(
        uid=uid_of("lesionkit", maker.version),
        name=f"lesionkit {maker.recipe}",
        manufacturer_name=MANUFACTURER,
        model_name=maker.model or maker.recipe,
        serial_number=maker.version,
    )
    observer = ObserverContext(codes.DCM.Device, device)
    content = MeasurementReport(ObservationContext(observer_device_context=observer), procedure, groups)
    series, instance = uids_of(handed, first, "sr", len(groups))
    made = Comprehensive3DSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=series,
        series_number=_SERIES,
        sop_instance_uid=instance,
        instance_number=1,
        is_complete=True,
        **equipment(maker),
    )
    made.SeriesDescription = called(handed, "report")
    dated(made, handed)
    return made


def _save(made: Comprehensive3DSR, handed: Handed, out: Path) -> Path:
    path = out / f"{name_of(handed)}.sr.dcm"
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
    return path
