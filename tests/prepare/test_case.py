import dataclasses
import json

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.prepare.case import PrepareSettings, prepare_ct


def test_the_case_becomes_one_millimetre_upright_and_cropped_to_the_lungs(case):
    prepared = prepare_ct(case)
    grid = prepared.image.grid
    assert grid.spacing_mm == (1.0, 1.0, 1.0)
    assert grid.upright_axes == ((0, 1, 2), (False, False, False))
    # lungs 200 x 150 x 260 mm, grown by 3 mm, and a margin of 12 mm, on samples of 4 and 3 mm
    np.testing.assert_allclose(grid.shape, [230, 180, 290], atol=10)
    assert prepared.image.array.dtype == np.int16
    assert prepared.image.array.min() == -1000


def test_the_lung_region_lies_on_the_grid_of_the_image(case):
    prepared = prepare_ct(case)
    lung = prepared.regions["lung"]
    assert lung.grid == prepared.image.grid
    assert lung.array.dtype == np.bool_
    assert lung.array[prepared.image.array == -850].all()


def test_a_nodule_stays_at_its_world_position(case, shapes):
    array = case.image.array.copy()
    array[shapes.ball(case.image.grid, (75.0, 12.0, -20.0), 12.0)] = 40
    prepared = prepare_ct(dataclasses.replace(case, image=ArrayImage(case.image.grid, array)))
    inside = np.argwhere((prepared.image.array > -400) & prepared.regions["lung"].array)
    near = prepared.image.grid.index_to_world(inside)
    near = near[np.linalg.norm(near - [75.0, 12.0, -20.0], axis=1) < 20]
    np.testing.assert_allclose(near.mean(axis=0), [75.0, 12.0, -20.0], atol=0.5)


def test_facts_are_what_json_can_hold_and_keep_what_was_known(case):
    case = dataclasses.replace(case, facts={"kernel": "B30f", "warnings": ["old"]})
    facts = prepare_ct(case).facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["kernel"] == "B30f"
    assert facts["warnings"] == ["old"]
    assert facts["native_spacing_mm"] == [4.0, 3.0, 3.0]
    assert facts["lung_volume_l"] == pytest.approx(3.45, rel=0.03)
    assert facts["lung_left_right_ratio"] == pytest.approx(1.0, abs=0.01)
    assert facts["lung_cover_ratio"] == pytest.approx(3.9 / (280 * 330 * 400 * 1e-6), rel=0.1)
    assert facts["lung_failure"] is None
    assert facts["searched_mm"] == [-140.0, 140.0]
    assert "70 of 70 slices" in facts["searched"]


def test_truth_outside_the_box_is_kept_with_a_warning(case):
    far = Lesion((190.0, 150.0, 130.0), 5.0, lesion_id="skin")
    prepared = prepare_ct(dataclasses.replace(case, truth=(*case.truth, far)))
    assert far in prepared.truth
    assert prepared.facts["warnings"] == [
        "lesion skin at (190.0, 150.0, 130.0) mm lies outside the prepared box around the lungs"
    ]


def test_a_failure_is_told_and_the_body_is_kept(case):
    settings = PrepareSettings.parse({"lung": {"min_volume_l": 5, "max_volume_l": 6}})
    prepared = prepare_ct(case, settings)
    assert "lungs have 5 to 6 L; the body is searched instead" in prepared.facts["lung_failure"]
    assert prepared.facts["warnings"][0].startswith("the lungs were not found: the largest piece of air has 1.7")
    assert prepared.image.grid.shape[2] > 330


def test_a_single_lung_and_a_long_scan_are_told(shapes):
    body = shapes.make_body(lungs=("left",), length_mm=900.0)
    facts = prepare_ct(Case("a", "p", body)).facts
    assert len(facts["warnings"]) == 2
    assert "only the chest is searched" in facts["warnings"][0]
    assert "only one is in view" in facts["warnings"][1]
    assert facts["lung_left_right_ratio"] is None


def test_values_are_clipped_to_the_range(case):
    array = prepare_ct(case, PrepareSettings(hu_range=(-900, 0))).image.array
    assert (array.min(), array.max()) == (-900, 0)


def test_a_range_upside_down_is_refused():
    with pytest.raises(LesionkitError, match="hu_range must be"):
        PrepareSettings(hu_range=(400, -1000))


def test_a_scan_without_lungs_is_refused(shapes):
    with pytest.raises(LesionkitError, match="no lungs in view"):
        prepare_ct(Case("a", "p", shapes.make_body(lungs=())))
