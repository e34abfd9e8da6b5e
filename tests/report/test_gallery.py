import numpy as np
import pytest

from lesionkit.report.gallery import LungView, lung_cuts, oddest_first
from lesionkit.report.scene import Scene


def view(case_id: str, case, **numbers) -> LungView:
    return LungView(case_id, case.image, case.lung, **numbers)


def test_the_outline_runs_along_the_edge_of_the_mask(chest):
    case = chest()
    axial, coronal = lung_cuts(Scene.of(case.image, case.lung))
    widths = [np.ptp(line[:, 0]) * axial.mm_per_pixel for line in axial.outlines]
    depths = [np.ptp(line[:, 1]) * axial.mm_per_pixel for line in axial.outlines]
    heights = [np.ptp(line[:, 1]) * coronal.mm_per_pixel for line in coronal.outlines]
    assert widths == pytest.approx([41, 41], abs=1)  # 41 samples of 1 mm
    assert depths == pytest.approx([61, 61], abs=1)
    assert heights == pytest.approx([82.5, 82.5], abs=1)  # 33 slices of 2.5 mm


def test_outline_and_picture_fit(chest):
    case = chest()
    (cut,) = lung_cuts(Scene.of(case.image, case.lung), axial_at=())
    dark = cut.layers[0].grey < 128  # lung: -850 HU
    for line in cut.outlines:
        x, y = line.mean(axis=0)
        assert dark[int(y), int(x)]
        left, right = line[:, 0].min(), line[:, 0].max()
        assert not dark[int(y), int(left) - 3]
        assert not dark[int(y), int(right) + 3]


def test_the_middle_cut_halves_the_lungs(chest):
    case = chest()
    low, middle, high, _ = lung_cuts(Scene.of(case.image, case.lung), axial_at=(0.25, 0.5, 0.75))
    assert [cut.title for cut in (low, middle, high)] == ["axial · slice 13", "axial · slice 21", "axial · slice 29"]


def test_failed_lungs_come_first_then_the_odd_ones(chest):
    case = chest()
    views = [
        view("typical", case, volume_l=4.5, left_right_ratio=0.88, cover_ratio=0.17),
        view("lopsided", case, volume_l=4.5, left_right_ratio=0.4, cover_ratio=0.17),
        view("failed", case, failure="no air in view"),
        view("small", case, volume_l=1.5, left_right_ratio=0.88, cover_ratio=0.17),
        view("nothing known", case),
    ]
    order = [v.case_id for v in oddest_first(views)]
    assert order == ["failed", "lopsided", "small", "nothing known", "typical"]


def test_without_a_mask_the_cuts_have_no_outline_and_say_so(chest):
    axial, _ = lung_cuts(Scene.of(chest().image, None))
    assert axial.outlines == ()
    assert axial.alt.endswith("without a lung mask")


def test_a_found_case_brings_its_numbers_along(chest):
    case = chest(facts={"lung": {"volume_l": 5.0, "failure": "only one lung"}})
    taken = LungView.of(case)
    assert (taken.volume_l, taken.failure, taken.cover_ratio) == (5.0, "only one lung", None)
