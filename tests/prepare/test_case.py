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


def test_the_lungs_up_to_the_pleura_are_kept_beside_those_that_are_searched(case, shapes):
    prepared = prepare_ct(case)
    proper, grown = prepared.regions["lung_proper"].array, prepared.regions["lung"].array
    assert grown[proper].all()
    assert proper.sum() * 1e-6 == pytest.approx(2 * shapes.lung_l, rel=0.05)
    # The mask that is searched is 3 mm larger all around.
    assert grown.sum() / proper.sum() > 1.08


@pytest.mark.parametrize(
    ("factor", "message"), [(0.01, "at least 100 mm wide along two axes"), (1000, "at most 2000 mm long")]
)
def test_a_size_that_no_chest_has_is_refused_before_anything_is_computed(case, factor, message):
    grid = dataclasses.replace(case.image.grid, spacing_mm=tuple(factor * s for s in case.image.grid.spacing_mm))
    with pytest.raises(LesionkitError, match=rf"a chest CT is {message} \(prepare.field_mm\).*right unit"):
        prepare_ct(dataclasses.replace(case, image=ArrayImage(grid, case.image.array)))


def test_a_spacing_that_no_scan_of_a_chest_has_is_refused(case):
    grid = dataclasses.replace(case.image.grid, spacing_mm=(25.0, 3.0, 3.0))
    with pytest.raises(LesionkitError, match=r"at most 20 mm apart \(prepare.most_spacing_mm\), got 25 mm"):
        prepare_ct(dataclasses.replace(case, image=ArrayImage(grid, case.image.array)))


def cut(case, start, stop):
    box = (slice(start, stop), *case.image.grid.whole[1:])
    return dataclasses.replace(case, image=ArrayImage(case.image.grid.crop(box), case.image.array[box]))


def test_lungs_that_the_scan_cuts_are_warned_of_at_that_end(case):
    """The lungs reach from slice 10 to 60 of 70; in the middle they have 200 cm² and more."""
    for start, stop, ends in [(0, 70, []), (0, 40, ["upper"]), (30, 70, ["lower"]), (25, 45, ["lower", "upper"])]:
        prepared = prepare_ct(cut(case, start, stop))
        assert [w.split(" at its ")[1].split()[0] for w in prepared.facts["warnings"]] == ends
        assert prepared.facts["at_scan_end"][0] == ["lower" in ends, "upper" in ends]
        assert prepared.facts["at_scan_end"][1:] == [[False, False], [False, False]]


def test_lungs_of_plain_air_are_those_of_a_phantom(case):
    array = case.image.array.copy()
    array[array == -850] = -1000
    prepared = prepare_ct(dataclasses.replace(case, image=ArrayImage(case.image.grid, array)))
    assert prepared.facts["lung_volume_l"] == pytest.approx(3.45, rel=0.03)
    assert prepared.facts["warnings"] == [
        "the lungs hold plain air without vessels: this looks like a phantom, not like a patient"
    ]
