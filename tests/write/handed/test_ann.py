"""Annotations of a slide hold the edges of its regions, say so in the words of the field, and refer to the slide."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from highdicom.ann import annread
from pydicom.sr.codedict import codes
from tests.write.handed.test_seg import complaints

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import NothingFoundError
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.write.handed.ann import write_ann_of_outlines


def test_a_polygon_that_is_read_again_is_the_edge_of_the_region(on_dicom, tmp_path):
    (path,) = write_ann_of_outlines(on_dicom, tmp_path)
    (group,) = annread(path).get_annotation_groups()
    (ring,) = group.get_graphic_data(coordinate_type="2D")
    (region,) = on_dicom.regions()
    assert np.abs(ring - polygon_pixels(region.polygon_mm, on_dicom.grid).ring).max() < 0.01
    # Cells of 8 pixels, 4 x 6 of them from (2, 3) on.
    assert ring.min(axis=0).round(3).tolist() == [24, 16]
    assert ring.max(axis=0).round(3).tolist() == [72, 48]


def test_it_tells_what_it_is_how_sure_how_large_and_who_found_it(on_dicom, tmp_path):
    (path,) = write_ann_of_outlines(on_dicom, tmp_path)
    (group,) = annread(path).get_annotation_groups()
    assert group.annotated_property_type == codes.SCT.NeoplasmMetastatic
    assert group.annotated_property_category == codes.SCT.MorphologicallyAbnormalStructure
    assert group.AnatomicRegionSequence[0].CodeMeaning == "Lymph Node"
    names, values, units = group.get_measurements()
    assert [name.meaning for name in names] == ["Certainty of Finding", "Area"]
    assert values.tolist() == [pytest.approx([75.0, 23 * 16e-6])]
    assert [unit.value for unit in units] == ["%", "mm2"]
    (algorithm,) = group.AnnotationGroupAlgorithmIdentificationSequence
    assert algorithm.AlgorithmName == "lesionkit ct-nodule"
    assert "model sha256=abab" in algorithm.AlgorithmParameters


def test_it_refers_to_the_finest_level_and_the_same_findings_make_the_same_file(on_dicom, tmp_path):
    (path,) = write_ann_of_outlines(on_dicom, tmp_path / "a")
    made, source = pydicom.dcmread(path), pydicom.dcmread(on_dicom.path)
    (named,) = made.ReferencedImageSequence
    assert named.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID
    assert (made.StudyInstanceUID, made.PatientID) == (source.StudyInstanceUID, source.PatientID)
    assert (made.AnnotationCoordinateType, made.PixelOriginInterpretation) == ("2D", "VOLUME")
    (again,) = write_ann_of_outlines(on_dicom, tmp_path / "b")
    assert again.read_bytes() == path.read_bytes()


def test_dciodvfy_holds_nothing_against_it(on_dicom, tmp_path):
    (path,) = write_ann_of_outlines(on_dicom, tmp_path)
    assert "CommonZCoordinateValue" not in pydicom.dcmread(path).AnnotationGroupSequence[0]
    # It complains of this element in two dimensions although it is absent.
    assert [line for line in complaints(path) if "<CommonZCoordinateValue> = <>" not in line] == []


def test_where_nothing_was_found_none_is_written(on_dicom, tmp_path):
    with pytest.raises(NothingFoundError, match="slide: nothing was found, and DICOM annotations cannot be empty"):
        write_ann_of_outlines(replace(on_dicom, regions=list), tmp_path)


def test_a_slide_that_nothing_can_refer_to_is_named(on_dicom, outlined, tmp_path):
    with pytest.raises(LesionkitError, match="findings refer to DICOM images, but the image is none"):
        write_ann_of_outlines(outlined, tmp_path)
    tags = pydicom.dcmread(on_dicom.path)
    del tags.FrameOfReferenceUID
    tags.save_as(on_dicom.path)
    with pytest.raises(LesionkitError, match=r"no annotations can refer to this slide \(AttributeError.*mend its tags"):
        write_ann_of_outlines(on_dicom, tmp_path)
