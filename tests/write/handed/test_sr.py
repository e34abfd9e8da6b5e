"""A report tells of each finding what is known of it, and refers to its segment."""

from dataclasses import replace

import pydicom
import pytest
from highdicom.sr import srread
from tests.write.handed.conftest import balls
from tests.write.handed.test_seg import NODULE, SMALL, complaints

from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.sr import write_sr_of_balls, write_sr_of_mask


def told(group) -> dict[str, float]:
    return {one.name.meaning: one.value for one in group.get_measurements()}


def test_each_finding_has_its_place_size_score_and_maker(upright, tmp_path):
    report, seg = write_sr_of_balls(balls(upright, NODULE, SMALL), tmp_path)
    first, second = srread(report).content.get_volumetric_roi_measurement_groups()
    assert told(first) == {"Certainty of Finding": 90, "Diameter": 6.0, "Volume": pytest.approx(113.097)}
    assert told(second) == {"Certainty of Finding": 40}
    assert first.finding_type.meaning == "Nodule"
    assert first.finding_sites[0].value.meaning == "Lung"
    # Of the items of a group one is the centre, as a point in the world.
    places = [item.GraphicData for item in first[0].ContentSequence if item.ValueType == "SCOORD3D"]
    assert places == [[8.0, 7.0, 10.0]]
    segment = pydicom.dcmread(seg).SegmentSequence[0]
    assert (first.tracking_uid, first.tracking_identifier) == (segment.TrackingUID, "nodule 1")
    text = pydicom.dcmread(report).to_json()
    assert "lesionkit ct-nodule" in text
    assert "1.2.3" in text
    assert "model card sha256: cdcd" in text
    referred = first.referenced_segment
    assert referred.referenced_sop_instance_uid == pydicom.dcmread(seg).SOPInstanceUID


def test_the_report_of_a_radiograph_has_the_area_of_its_mask(radiograph, tmp_path):
    report, _ = write_sr_of_mask(radiograph, tmp_path)
    (group,) = srread(report).content.get_planar_roi_measurement_groups()
    # 12 samples of 0.5 mm x 0.5 mm.
    assert told(group) == {"Certainty of Finding": 75, "Area": 3.0}
    assert complaints(report) == []


def test_that_nothing_was_found_is_a_report_too(upright, radiograph, tmp_path):
    for (report,) in (write_sr_of_balls(balls(upright), tmp_path), write_sr_of_mask(radiograph.above(0.8), tmp_path)):
        text = str(pydicom.dcmread(report))
        assert "'Absent'" in text
        assert complaints(report) == []


def test_dciodvfy_finds_no_error_in_a_report(upright, tmp_path):
    many = [replace(NODULE, centre_mm=(4.0 + i / 10, 7.0, 10.0)) for i in range(3)]
    report, seg = write_sr_of_balls(balls(upright, *many, Candidate((8.0, 7.0, 20.0), 1.0, 2.0)), tmp_path)
    assert complaints(report) == complaints(seg) == []
