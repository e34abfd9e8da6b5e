import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.rtstruct import read_rtstruct


def square(z: float, side: float = 10.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    half = side / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return np.array([(x + a, y + b, z) for a, b in corners])


def test_a_stack_of_contours_is_a_lesion(drawn, tmp_path):
    stack = [square(z) for z in (0.0, 2.5, 5.0, 7.5)]
    found = read_rtstruct(drawn.write_rtstruct(tmp_path / "a.dcm", {"GTV-1": stack, "Lung_L": [square(0, 100)]}))
    (lesion,) = found.lesions
    assert lesion.centre_mm == pytest.approx((0, 0, 3.75), abs=0.2)
    assert lesion.facts["volume_mm3"] == pytest.approx(1000, rel=0.03)
    assert (found.series, lesion.lesion_id) == ((drawn.SERIES,), "GTV-1")
    assert found.notes == ("a.dcm: Lung_L is no lesion by name or type and was passed over",)


def test_stacks_apart_are_lesions_of_their_own_and_planes_may_have_any_direction(drawn, tmp_path):
    near = [square(z) for z in (0.0, 2.0, 4.0)]
    far = [square(z, 6, x=50) for z in (0.0, 2.0)]
    turned = [contour[:, [2, 0, 1]] for contour in (*near, *far)]
    found = read_rtstruct(drawn.write_rtstruct(tmp_path / "a.dcm", {"nodules": turned})).lesions
    volumes = [lesion.facts["volume_mm3"] for lesion in found]
    assert volumes == pytest.approx([600, 144], rel=0.06)
    assert found[1].centre_mm == pytest.approx((1, 50, 0), abs=0.2)


def test_a_contour_within_another_is_a_hole(drawn, tmp_path):
    ring = [contour for z in (0.0, 2.0) for contour in (square(z, 20), square(z, 10))]
    (lesion,) = read_rtstruct(drawn.write_rtstruct(tmp_path / "a.dcm", {"tumour": ring})).lesions
    assert lesion.facts["volume_mm3"] == pytest.approx(2 * 2 * (400 - 100), rel=0.05)


def test_a_point_is_a_lesion_of_unknown_size(drawn, tmp_path):
    file = drawn.write_rtstruct(tmp_path / "a.dcm", {"nodule": [np.array([[1.0, 2, 3]])]}, points=("nodule",))
    (lesion,) = read_rtstruct(file).lesions
    assert (lesion.centre_mm, lesion.diameter_mm) == ((1.0, 2.0, 3.0), 0.0)


def test_regions_without_lesions_are_no_truth_and_damage_is_one_sentence(drawn, tmp_path):
    organs = read_rtstruct(drawn.write_rtstruct(tmp_path / "a.dcm", {"Heart": [square(0)]}))
    assert (organs.lesions, organs.looked_at) == ((), False)
    (tmp_path / "b.dcm").write_bytes(b"nothing")
    with pytest.raises(LesionkitError, match=r"b\.dcm: the RTSTRUCT is damaged or incomplete"):
        read_rtstruct(tmp_path / "b.dcm")
    ct = drawn.write_slices(tmp_path / "ct", drawn.make_slices()[:1]) / "000.dcm"
    with pytest.raises(LesionkitError, match="a DICOM RTSTRUCT is wanted, got modality CT"):
        read_rtstruct(ct)


def test_a_contour_that_is_wider_than_a_body_is_refused_before_it_is_painted(drawn, tmp_path):
    file = drawn.write_rtstruct(tmp_path / "a.dcm", {"GTV": [square(0.0, 1e7)]})
    with pytest.raises(LesionkitError, match="a contour is at most 1500 mm wide"):
        read_rtstruct(file)
