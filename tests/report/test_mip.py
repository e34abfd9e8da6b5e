import numpy as np
import pytest

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.mip import LONG_SIDE, overview
from lesionkit.report.scene import Scene

BALL = ((30.0, 5.0, 10.0), 14.0)


def scene_of(case):
    return Scene.of(case.image, case.lung)


def marks_of(picture):
    return [mark for mark in picture.marks if mark.kind == "candidate"]


def test_every_mark_lies_on_its_lesion_in_every_direction(chest):
    case = chest(BALL)
    for picture in overview(scene_of(case), [Candidate(*BALL[:1], 0.9, 14.0)])[:2]:
        rows, columns = np.nonzero(picture.layers[0].grey > 240)
        (mark,) = picture.marks
        assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((mark.x, mark.y), abs=4)
        assert np.ptp(columns) * picture.mm_per_pixel == pytest.approx(14.0, abs=3)


def test_a_sagittal_picture_shows_the_marks_of_its_own_lung_only(chest, two_candidates):
    coronal, axial, right, left = overview(scene_of(chest()), two_candidates)
    assert [m.label for m in coronal.marks] == [m.label for m in axial.marks] == ["1", "2"]
    assert [m.label for m in right.marks] == ["2"]  # x = -28 mm is the patient's right
    assert [m.label for m in left.marks] == ["1"]
    assert (right.title, left.title) == ("sagittal, right lung", "sagittal, left lung")


def test_all_pictures_of_an_overview_have_one_scale(chest):
    pictures = overview(scene_of(chest()), ())
    assert max(max(p.width, p.height) for p in pictures) == pytest.approx(LONG_SIDE, abs=1)
    assert [p.mm_per_pixel for p in pictures] == pytest.approx([pictures[0].mm_per_pixel] * 4, rel=0.01)


def test_labels_cover_neither_each_other_nor_a_mark(chest):
    crowd = [Candidate((20.0 + 9 * i, 0.0, 5.0 * (i % 3)), 0.5, 4.0) for i in range(4)]
    coronal = overview(scene_of(chest()), crowd)[0]
    places = np.array([(m.label_x, m.label_y) for m in coronal.marks])
    apart = np.abs(places[:, None] - places[None]) + 1e3 * np.eye(4)[..., None]
    assert (apart.max(axis=-1) >= 13).all()
    for mark in coronal.marks:
        away = np.abs(places - (mark.x, mark.y)).max(axis=1)
        assert (away > mark.reach).all()


def test_known_lesions_are_drawn_too(chest):
    coronal = overview(scene_of(chest(BALL)), (), [(Lesion(*BALL), "lesion")])[0]
    assert [mark.kind for mark in coronal.marks] == ["lesion"]


def test_without_a_lung_mask_the_mean_is_shown_and_said_so(chest):
    pictures = overview(scene_of(chest(lung=None)), ())
    assert [p.title for p in pictures] == ["coronal", "axial", "sagittal"]
    assert "mean intensity (no lung mask)" in pictures[0].alt
