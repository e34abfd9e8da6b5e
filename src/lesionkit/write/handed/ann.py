"""Regions of a slide -> DICOM Microscopy Bulk Simple Annotations: their outlines in pixels of the finest level."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.handed import NothingFoundError, Outlines
from lesionkit.core.region import Region
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.write.dicom import uid_of
from lesionkit.write.handed.names import name_of
from lesionkit.write.handed.sources import called, dated, read_sources, refuse_no_planes, uids_of
from lesionkit.write.handed.terms import TERMS, content, equipment, found_by

NOTHING = "nothing was found, and DICOM annotations cannot be empty, so none were written"
_SERIES = 9004


def write_ann_of_outlines(handed: Outlines, out: Path) -> list[Path]:
    """Write `CASE.ann.dcm`: one group of polygons, strongest first, with the certainty and the area of each.

    Places are (x, y) from the corner of the total pixel matrix of the finest level, as float32: on a slide of 100,000
    pixels to 1/128 of a pixel. DICOM polygons have no holes: a region with holes has the ring of its edge alone, and
    its area without them.

    Raises:
        NothingFoundError: nothing was found.
        LesionkitError: the slide is none of DICOM, gone, or nothing can refer to it.
    """
    planes, found = handed.planes(), handed.regions()
    refuse_no_planes(handed, planes)
    if not found:
        raise NothingFoundError(f"{handed.case_id}: {NOTHING}")
    (source,) = read_sources(planes[:1])
    try:
        made = _annotations(handed, source, found)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise LesionkitError(
            f"{planes[0].path}: no annotations can refer to this slide ({type(error).__name__}: {error}); mend its "
            "tags, or export to geojson"
        ) from error
    made.SeriesDescription = called(handed, "annotations")
    dated(made, handed)
    path = out / f"{name_of(handed)}.ann.dcm"
    with replacing(path) as temporary:
        made.save_as(temporary, enforce_file_format=True)
    return [path]


def _annotations(handed: Outlines, source: Dataset, found: Sequence[Region]) -> MicroscopyBulkSimpleAnnotations:
    rings = [polygon_pixels(one.polygon_mm, handed.grid).ring.astype(np.float32) for one in found]
    told = [(one.max_score, one.area_mm2, ring.tobytes().hex()) for one, ring in zip(found, rings, strict=True)]
    series, instance = uids_of(handed, source, "ann", *told)
    term = TERMS[handed.lesion]
    group = AnnotationGroup(
        number=1,
        uid=uid_of(instance, "group"),
        label=handed.lesion,
        annotated_property_category=term.category,
        annotated_property_type=term.type,
        graphic_type="POLYGON",
        graphic_data=rings,
        **found_by(handed),
        measurements=[
            Measurements(
                codes.DCM.CertaintyOfFinding, np.array([100 * one.max_score for one in found]), codes.UCUM.Percent
            ),
            Measurements(codes.SCT.Area, np.array([one.area_mm2 for one in found]), codes.UCUM.SquareMillimeter),
        ],
        description=f"{handed.lesion} found by lesionkit; edges of regions, holes are not drawn",
    )
    return MicroscopyBulkSimpleAnnotations(
        source_images=[source],
        annotation_coordinate_type="2D",
        annotation_groups=[group],
        series_instance_uid=series,
        series_number=_SERIES,
        sop_instance_uid=instance,
        instance_number=1,
        **equipment(handed.maker),
        **content(handed),
    )
