import itertools

import numpy as np
import pydicom
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.dicom_seg import read_seg

BALL = (slice(4, 8), slice(10, 14), slice(20, 26))


def mask(*boxes, shape=(12, 32, 32)) -> np.ndarray:
    held = np.zeros(shape, bool)
    for box in boxes:
        held[box] = True
    return held


def test_a_nodule_has_the_place_and_volume_of_its_voxels(drawn, tmp_path):
    slices = drawn.make_slices()
    found = read_seg(drawn.write_seg(tmp_path / "a.dcm", slices, {"nodule 1": mask(BALL)}))
    assert found.series == (drawn.SERIES,)
    (lesion,) = found.lesions
    assert lesion.centre_mm == pytest.approx((-20 + 22.5 * 1.5, 10 + 11.5 * 1.5, 100 + 5.5 * 2))
    assert lesion.facts["volume_mm3"] == pytest.approx(4 * 4 * 6 * 4.5)
    assert lesion.diameter_mm == pytest.approx((6 * 432 / np.pi) ** (1 / 3))


AXES = np.eye(3)


@pytest.mark.parametrize(
    "orientation",
    [
        tuple((a * AXES[i]).tolist() + (b * AXES[j]).tolist())
        for (i, j), a, b in itertools.product([(0, 1), (1, 2), (2, 0)], (1, -1), (1, -1))
    ]
    + [(0.8, 0.6, 0, -0.6, 0.8, 0)],
)
def test_places_are_right_in_any_orientation(drawn, tmp_path, orientation):
    slices = drawn.make_slices(orientation=orientation)
    (lesion,) = read_seg(drawn.write_seg(tmp_path / "a.dcm", slices, {"nodule": mask(BALL)})).lesions
    first, second = (np.array(slices[z].ImagePositionPatient, float) for z in (0, 1))
    rows, columns = np.array(orientation[3:]) * 1.5, np.array(orientation[:3]) * 1.5
    expected = first + 5.5 * (second - first) + 11.5 * rows + 22.5 * columns
    assert lesion.centre_mm == pytest.approx(expected, abs=1e-4)


def test_a_tilted_gantry_moves_each_frame(drawn, tmp_path):
    slices = drawn.make_slices()
    for z, image in enumerate(slices):
        image.ImagePositionPatient = [-20, 10 + 0.5 * z, 100 + 2 * z]
    (lesion,) = read_seg(drawn.write_seg(tmp_path / "a.dcm", slices, {"nodule": mask(BALL)})).lesions
    assert lesion.centre_mm == pytest.approx((-20 + 22.5 * 1.5, 10 + 11.5 * 1.5 + 5.5 * 0.5, 100 + 5.5 * 2))


def test_pieces_are_lesions_unless_their_segment_is_tracked(drawn, tmp_path):
    two = mask(BALL, (slice(1, 3), slice(1, 3), slice(1, 3)))
    pieces = read_seg(drawn.write_seg(tmp_path / "a.dcm", drawn.make_slices(), {"nodule": two})).lesions
    assert sorted(lesion.lesion_id for lesion in pieces) == ["nodule 1", "nodule 2"]
    whole = drawn.write_seg(tmp_path / "b.dcm", drawn.make_slices(), {"nodule": two}, tracked=True)
    assert len(read_seg(whole).lesions) == 1


@pytest.mark.parametrize("kind", ["FRACTIONAL", "LABELMAP"])
def test_all_kinds_of_segmentation_are_read(drawn, tmp_path, kind):
    masks = {"lung": mask((slice(0, 3), slice(0, 9), slice(0, 9))), "nodule": mask(BALL)}
    if kind == "FRACTIONAL":
        masks.pop("lung")
    found = read_seg(drawn.write_seg(tmp_path / "a.dcm", drawn.make_slices(), masks, kind=kind))
    assert [lesion.facts["volume_mm3"] for lesion in found.lesions] == [pytest.approx(432)]


def test_organs_are_passed_over_and_a_file_of_organs_is_no_truth(drawn, tmp_path):
    lung = mask((slice(0, 3), slice(0, 9), slice(0, 9)))
    both = read_seg(drawn.write_seg(tmp_path / "a.dcm", drawn.make_slices(), {"lung": lung, "nodule": mask(BALL)}))
    assert (len(both.lesions), both.looked_at) == (1, True)
    assert both.notes == ("a.dcm: lung is no lesion by name or code and was passed over",)
    organs = read_seg(drawn.write_seg(tmp_path / "b.dcm", drawn.make_slices(), {"lung": lung}))
    assert (organs.lesions, organs.looked_at) == ((), False)


def test_what_a_program_drew_alone_is_a_belief(drawn, tmp_path):
    file = drawn.write_seg(tmp_path / "a.dcm", drawn.make_slices(), {"nodule": mask(BALL)}, algorithm="AUTOMATIC")
    assert len(read_seg(file).lesions) == 1
    found = read_seg(file, automatic=False)
    assert (found.lesions, found.looked_at) == ((), False)
    assert "what a program drew alone is no truth" in found.notes[0]


def test_what_is_damaged_is_one_sentence(drawn, tmp_path):
    file = drawn.write_seg(tmp_path / "a.dcm", drawn.make_slices(), {"nodule": mask(BALL)})
    data = pydicom.dcmread(file)
    del data.PerFrameFunctionalGroupsSequence
    data.save_as(file)
    with pytest.raises(LesionkitError, match=r"a\.dcm: the SEG is damaged or incomplete .*; export it again"):
        read_seg(file)
    (tmp_path / "b.dcm").write_text("no DICOM")
    with pytest.raises(LesionkitError, match=r"b\.dcm: the SEG is damaged"):
        read_seg(tmp_path / "b.dcm")
    ct = drawn.write_slices(tmp_path / "ct", drawn.make_slices()[:1]) / "000.dcm"
    with pytest.raises(LesionkitError, match="a DICOM SEG is wanted, got modality CT"):
        read_seg(ct)
