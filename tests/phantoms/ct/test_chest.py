import hashlib
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.phantoms.ct.chest import CtPhantomSettings, insert_nodules, make_ct
from lesionkit.phantoms.ct.nodule import NoduleSettings

SMALL = CtPhantomSettings(size="small", healthy_share=0.0)


@cache
def small_ct(seed=1):
    return make_ct(seed, SMALL)


def digest(case):
    return hashlib.sha256(case.image.array.tobytes()).hexdigest()


def at(case, lesion):
    return tuple(np.rint(case.image.grid.world_to_index(lesion.centre_mm)).astype(int))


def test_the_same_seed_gives_the_same_samples_and_another_seed_others():
    again = make_ct(1, SMALL)
    assert digest(again) == digest(small_ct(1))
    assert again.truth == small_ct(1).truth
    assert digest(small_ct(2)) != digest(small_ct(1))


def test_every_nodule_lies_in_the_lung_and_brightens_it():
    for seed in (1, 2, 3):
        case = small_ct(seed)
        lung = case.regions["lung"].array
        assert case.truth
        for lesion in case.truth:
            z, y, x = at(case, lesion)
            assert lung[z, y, x]
            assert case.image.array[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2].mean() > -850


def test_nodules_do_not_touch_each_other():
    for seed in (1, 2, 3):
        lesions = small_ct(seed).truth
        for n, one in enumerate(lesions):
            for two in lesions[:n]:
                assert np.linalg.norm(np.subtract(one.centre_mm, two.centre_mm)) > one.radius_mm + two.radius_mm


def test_tissues_have_the_hounsfield_values_of_a_chest():
    case = small_ct(3)
    hu, lung = case.image.array, case.regions["lung"].array
    assert hu.dtype == np.int16
    assert -900 < np.median(hu[lung]) < -800
    assert np.median(hu[:, :4, :4]) == pytest.approx(-1000, abs=30)
    wall = ndimage.binary_dilation(lung, iterations=3) & ~ndimage.binary_dilation(lung, iterations=1)
    assert -130 < np.median(hu[wall]) < 120
    assert (hu > 300).sum() > 500  # bone
    assert hu.min() >= -1024


def test_the_lungs_are_two_and_as_large_as_an_adult_s_at_an_eighth():
    lung = small_ct(3).regions["lung"]
    parts, count = ndimage.label(ndimage.binary_erosion(lung.array, iterations=2))
    sizes = np.sort(np.bincount(parts.ravel())[1:])[::-1]
    assert count >= 2
    assert sizes[1] > 0.4 * sizes[0]
    assert 0.35 < lung.array.sum() * lung.grid.voxel_mm / 1e6 < 1.2


def test_flipped_axes_store_the_same_world():
    upright, flipped = small_ct(1), make_ct(1, SMALL.model_copy(update={"flips": (True, False, True)}))
    assert flipped.truth == upright.truth
    np.testing.assert_array_equal(flipped.image.array[::-1, :, ::-1], upright.image.array)
    first, last = (0, 0, 0), tuple(n - 1 for n in upright.image.grid.shape)
    np.testing.assert_allclose(
        flipped.image.grid.index_to_world((last[0], 0, last[2])), upright.image.grid.index_to_world(first), atol=1e-9
    )
    np.testing.assert_array_equal(flipped.regions["lung"].array[::-1, :, ::-1], upright.regions["lung"].array)


def test_a_healthy_chest_has_truth_without_lesions():
    case = make_ct(5, CtPhantomSettings(size="small", healthy_share=1.0))
    assert case.truth == ()


def test_healthy_share_and_nodule_counts_follow_the_settings(monkeypatch):
    from lesionkit.phantoms.ct import chest as ct

    case = small_ct(1)
    hu = np.full(case.image.grid.shape, -860, np.float32)
    monkeypatch.setattr(ct, "insert_nodule", lambda hu, *rest: hu)
    scanner = ct.draw_scanner(np.random.default_rng(0), (1.0,), (0.6, 0.9), (10.0, 60.0))
    settings = CtPhantomSettings(nodules=NoduleSettings(diameter_range_mm=(3.0, 6.0), texture_weights=(1, 0, 0)))
    counts = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        counts.append(len(ct._put_nodules(rng, hu, case.regions["lung"].array, case.image.grid, scanner, settings)))
    assert np.mean(np.array(counts) == 0) == pytest.approx(0.25, abs=0.07)
    assert max(counts) == 10
    assert 2.5 < np.mean(counts) < 4.5


def test_thick_slices_hold_no_nodule_that_nobody_could_see():
    settings = CtPhantomSettings(slice_thickness_mm=(5.0,), in_plane_mm=(0.9, 0.9), healthy_share=0.0)
    case = make_ct(1, settings)
    assert case.facts["slice_thickness_mm"] == 5.0
    assert all(lesion.diameter_mm >= 4.0 for lesion in case.truth)
    assert all(lesion.diameter_mm >= 4.8 for lesion in case.truth if lesion.facts["texture"] != "solid")


def test_facts_tell_how_it_was_made():
    case = small_ct(1)
    assert case.facts["synthetic"] is True
    assert case.facts["kernel"] in ("soft", "standard", "sharp")
    assert 10 <= case.facts["noise_hu"] <= 60
    assert case.facts["native_spacing_mm"] == list(case.image.grid.spacing_mm)
    assert (case.case_id, case.patient_id) == ("ct-phantom-00001", "phantom-00001")
    assert {"texture", "margin", "attachment"} <= set(case.truth[0].facts)


def test_the_noise_is_as_strong_as_the_facts_say():
    noisy = make_ct(1, SMALL.model_copy(update={"noise_hu": (60.0, 60.0)})).image.array.astype(float)
    quiet = make_ct(1, SMALL.model_copy(update={"noise_hu": (1.0, 1.0)})).image.array.astype(float)
    middle = tuple(slice(n // 3, 2 * n // 3) for n in quiet.shape)
    assert (noisy - quiet)[middle].std() == pytest.approx(60, rel=0.15)


def real_scan(thickness=2.5):
    """A block of air-filled lung in a wall, on a grid stored feet first."""
    shape, spacing = (40, 120, 120), (thickness, 0.8, 0.8)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]) * spacing
    affine[:3, 3] = (-50, -60, 300)
    grid = Grid.from_affine(shape, affine)
    lung = np.zeros(shape, bool)
    lung[4:36, 15:105, 15:105] = True
    hu = np.where(lung, -860, 40).astype(np.int16)
    truth = (Lesion(tuple(grid.index_to_world((20, 60, 60)).tolist()), 24.0),)
    excluded = (Lesion(tuple(grid.index_to_world((10, 30, 30)).tolist()), 0.0),)
    facts = {"slice_thickness_mm": thickness}
    return Case("scan", "patient", ArrayImage(grid, hu), truth, excluded, facts=facts), lung


def test_insertion_makes_new_truth_excludes_the_old_and_stays_away_from_it():
    case, lung = real_scan()
    made = insert_nodules(case, lung, count=6, seed=3)
    assert (made.case_id, made.image.grid) == ("scan", case.image.grid)
    assert made.excluded == case.truth + case.excluded
    assert len(made.truth) == 6
    for lesion in made.truth:
        assert lung[at(made, lesion)]
        assert np.linalg.norm(np.subtract(lesion.centre_mm, case.truth[0].centre_mm)) > lesion.radius_mm + 12
        assert np.linalg.norm(np.subtract(lesion.centre_mm, case.excluded[0].centre_mm)) > lesion.radius_mm + 5
    assert made.image.array.dtype == np.int16
    assert (case.image.array[lung] == -860).all()


def test_insertion_changes_the_scan_only_near_the_new_nodules():
    case, lung = real_scan()
    made = insert_nodules(case, lung, count=3, seed=1)
    places = case.image.grid.index_to_world(np.argwhere(made.image.array != case.image.array))
    nearest = np.min([np.linalg.norm(places - x.centre_mm, axis=1) - x.radius_mm for x in made.truth], axis=0)
    assert len(nearest) > 0
    assert nearest.max() < 15


def test_insertion_is_deterministic():
    case, lung = real_scan()
    assert digest(insert_nodules(case, lung, 3, seed=1)) == digest(insert_nodules(case, lung, 3, seed=1))
    assert digest(insert_nodules(case, lung, 3, seed=1)) != digest(insert_nodules(case, lung, 3, seed=2))


def test_insertion_refuses_a_lung_mask_that_does_not_fit_or_is_empty():
    case, lung = real_scan()
    with pytest.raises(LesionkitError, match=r"non-empty mask of the image's shape .* segment the lungs first"):
        insert_nodules(case, lung[1:], 1, seed=0)
    with pytest.raises(LesionkitError, match="with 0 samples"):
        insert_nodules(case, np.zeros_like(lung), 1, seed=0)


def test_unknown_and_impossible_settings_are_refused():
    with pytest.raises(LesionkitError, match="did you mean 'healthy_share'"):
        CtPhantomSettings(healthy=0.5)
    with pytest.raises(LesionkitError, match="setting 'healthy_share'"):
        CtPhantomSettings.parse({"healthy_share": 2.0})
    with pytest.raises(LesionkitError, match="nodule_count must be"):
        CtPhantomSettings(nodule_count=(5, 2))
    with pytest.raises(LesionkitError, match="slice_thickness_mm must be"):
        CtPhantomSettings(slice_thickness_mm=())
    with pytest.raises(LesionkitError, match="in_plane_mm must be"):
        CtPhantomSettings(in_plane_mm=(0.9, 0.6))
    with pytest.raises(LesionkitError, match="no nodule can be at least 60 mm"):
        CtPhantomSettings(slice_thickness_mm=(75.0,))


def test_one_lung_may_be_small_while_the_other_is_as_large_as_before():
    whole, small = small_ct(1), make_ct(1, SMALL.model_copy(update={"small_lung": 0.2}))
    lungs = [case.regions["lung"].array for case in (whole, small)]
    middle = lungs[0].shape[2] // 2
    left, right = (
        (lungs[1][..., part] > 0).sum() / (lungs[0][..., part] > 0).sum() for part in (np.s_[middle:], np.s_[:middle])
    )
    shares = {"left": left, "right": right}
    assert shares.pop(small.facts["small_lung"]) == pytest.approx(0.2, abs=0.04)
    assert list(shares.values()) == [pytest.approx(1.0, abs=0.01)]
    assert "small_lung" not in whole.facts
    assert all(lungs[1][at(small, lesion)] for lesion in small.truth)
    assert small.image.grid == whole.image.grid


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_small_lung_has_a_share_between_none_and_all(share):
    with pytest.raises(LesionkitError, match=r"'small_lung': Input should be"):
        CtPhantomSettings.parse({"small_lung": share})
