import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.detect import NoduleDetector, merge
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.look_again import LOOK_SIDE, LOOKS
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.nodule_net_settings import NoduleNetSettings

SMALL = NoduleNetSettings(channels=(8, 16, 16, 16), blocks=(1, 1, 1, 1))


class BrightCells(nn.Module):
    """A net with a known answer: the mean brightness of each 4x4x4 cell is the logit, diameter 8 samples."""

    def forward(self, volume):
        mean = nn.functional.avg_pool3d(volume, 4)
        return torch.cat([20 * mean - 2, torch.zeros_like(mean).repeat(1, 4, 1, 1, 1)], dim=1)


def detector(**settings):
    made = NoduleDetector(
        NoduleNet(SMALL), InferSettings(device="cpu", precision="fp32", **settings), torch.device("cpu")
    )
    made.net = BrightCells()
    return made


def case_with_cubes(*corners, shape=(64, 96, 96), lung=None, spacing=(1, 1, 1), facts=None):
    grid = Grid.upright(shape, spacing, origin_mm=(-30.0, 5.0, 200.0))
    hu = np.full(shape, -1000, np.int16)
    for z, y, x in corners:
        hu[z : z + 4, y : y + 4, x : x + 4] = 400
    regions = {} if lung is None else {"lung": ArrayImage(grid, lung)}
    return Case("c", "p", ArrayImage(grid, hu), regions=regions, facts=facts or {})


def test_a_bright_cell_is_found_at_its_world_position():
    case = case_with_cubes((16, 32, 48))
    (found,) = detector(halo=0).find(case)
    np.testing.assert_allclose(found.centre_mm, case.image.grid.index_to_world([17.5, 33.5, 49.5]), atol=1e-3)
    assert found.diameter_mm == pytest.approx(8.0)


@pytest.mark.parametrize("largest", [300_000, 500_000, 10_000_000])
def test_the_size_of_the_windows_does_not_change_what_is_found(largest):
    corners = [(16, 32, 48), (48, 0, 0), (28, 44, 44), (60, 92, 92)]
    found = detector(largest_window=largest, halo=16).find(case_with_cubes(*corners))
    assert len(found) == 4


def test_only_the_lungs_are_searched():
    lung = np.zeros((64, 96, 96), bool)
    lung[:, :, :40] = True
    found = detector().find(case_with_cubes((16, 32, 20), (16, 32, 80), lung=lung))
    assert len(found) == 1
    assert found[0].centre_mm[0] == pytest.approx(-30 + 21.5, abs=2.5)


def test_a_real_net_gives_nearly_the_same_maps_with_one_window_and_with_many():
    torch.manual_seed(1)
    net = NoduleNet(SMALL)
    for _ in range(20):
        net(torch.randn(2, 1, 32, 32, 32))
    rng = np.random.default_rng(0)
    grid = Grid.upright((64, 64, 128), (1, 1, 1))
    case = Case("c", "p", ArrayImage(grid, rng.integers(-1000, 200, grid.shape).astype(np.int16)))
    settings = {"threshold": 0.0, "precision": "fp32", "device": "cpu", "halo": 32, "limit": 1000}
    one = NoduleDetector(net, InferSettings(**settings), torch.device("cpu")).find(case)
    many = NoduleDetector(net, InferSettings(largest_window=600_000, **settings), torch.device("cpu")).find(case)
    places = np.array([c.centre_mm for c in many])
    nearest = [np.abs(places - c.centre_mm).max(axis=1).min() for c in one[:30]]
    assert np.mean(np.array(nearest) < 0.5) >= 0.9


def test_the_weaker_of_two_near_balls_is_merged_into_the_stronger():
    balls = np.array([[0.5, 0, 0, 0, 10], [0.9, 0, 0, 4, 10], [0.4, 0, 0, 20, 10]])
    np.testing.assert_array_equal(merge(balls, 0.5, 4.0, np.ones(3))[:, 0], [0.9, 0.4])


@pytest.mark.parametrize("spacing", [0.7, 1.0, 2.0])
@pytest.mark.parametrize(("apart_mm", "diameter_mm", "left"), [(3.9, 2, 1), (4.1, 2, 2), (5.9, 12, 1), (6.1, 12, 2)])
def test_balls_merge_by_millimetres_at_any_spacing(spacing, apart_mm, diameter_mm, left):
    for axis in range(3):
        balls = np.array([[0.9, 8, 8, 8, diameter_mm], [0.5, 8, 8, 8, diameter_mm]], float)
        balls[1, 1 + axis] += apart_mm / spacing
        assert len(merge(balls, 0.5, 4.0, np.full(3, spacing))) == left


def test_balls_merge_by_millimetres_along_each_axis():
    balls = np.array([[0.9, 8, 8, 8, 2], [0.5, 10, 8, 8, 2]], float)
    assert len(merge(balls, 0.5, 4.0, np.array([1.9, 1, 1]))) == 1
    assert len(merge(balls, 0.5, 4.0, np.array([2.1, 1, 1]))) == 2


def test_no_ball_merges_to_no_ball():
    assert merge(np.zeros((0, 5)), 0.5, 4.0, np.ones(3)).shape == (0, 5)


def test_the_limit_keeps_the_strongest():
    cubes = [(16, 32, 16 * n) for n in range(1, 6)]
    assert len(detector(limit=3).find(case_with_cubes(*cubes))) == 3


def test_mirroring_changes_nothing_where_the_net_is_symmetric():
    case = case_with_cubes((16, 32, 48))
    plain, mirrored = detector(halo=0).find(case), detector(halo=0, flip=True).find(case)
    np.testing.assert_allclose(plain[0].centre_mm, mirrored[0].centre_mm, atol=1e-4)


@pytest.mark.parametrize(("spacing", "inside", "outside"), [(0.7, 5, 7), (2.0, 1, 3), (1.0, 3, 5)])
@pytest.mark.parametrize("axis", range(3))
def test_candidates_farther_outside_the_lungs_than_4_mm_are_dropped_at_any_spacing(spacing, inside, outside, axis):
    """The middle of the cube, at sample 17.5, lies `n` samples and a half beyond the last sample of the lungs."""
    for samples, found in ((inside, 1), (outside, 0)):
        lung = np.zeros((64, 96, 96), bool)
        lung[8:18, 24:42, 40:58] = True
        np.moveaxis(lung, axis, 0)[(17, 33, 49)[axis] - samples + 1 :] = False
        case = case_with_cubes((16, 32, 48), lung=lung, spacing=(spacing,) * 3)
        assert len(detector().find(case)) == found, (samples + 0.5 - 0.5) * spacing


@pytest.mark.parametrize("spacing", [0.7, 2.0])
def test_a_diameter_is_in_millimetres_at_any_spacing(spacing):
    (found,) = detector(halo=0).find(case_with_cubes((16, 32, 48), spacing=(spacing,) * 3))
    assert found.diameter_mm == pytest.approx(8 * spacing)


class ShiftedCells(BrightCells):
    """Brightness is told one cell further to the left of the patient, and a quarter of a cell beside that."""

    def forward(self, volume):
        output = super().forward(volume).roll(1, dims=4)
        output[:, 3] += 0.25
        return output


def test_the_flip_is_that_of_left_and_right():
    case = case_with_cubes((16, 32, 48))
    searched = detector(halo=0, flip=True)
    searched.net = ShiftedCells()
    found = sorted(case.image.grid.world_to_index(c.centre_mm)[2] for c in searched.find(case))
    # Seen from both sides, the cell lies on both sides, and the quarters take each other away.
    np.testing.assert_allclose(found, [49.5 - 4, 49.5 + 4], atol=1e-3)


AT_TOP = {"at_scan_end": [[False, True], [False, False], [False, False]]}


class Continues(nn.Module):
    """A net that believes in cells whose upper neighbour is as dark as they are bright: ends of what is bright."""

    def forward(self, volume):
        mean = nn.functional.avg_pool3d(volume, 4)
        above = torch.cat([mean[:, :, 1:], torch.zeros_like(mean[:, :, :1])], dim=2)
        return torch.cat([20 * (mean - above) - 2, torch.zeros_like(mean).repeat(1, 4, 1, 1, 1)], dim=1)


def test_what_reaches_the_end_of_the_scan_does_not_end_there_in_air():
    case = case_with_cubes(*[(z, 32, 48) for z in range(32, 64, 4)], facts=AT_TOP)
    searched = detector(halo=4, threshold=0.2)
    searched.net = Continues()
    assert searched.find(case) == []


def test_a_candidate_whose_box_leaves_the_scan_says_so():
    """Balls of 8 samples around sample 61.5 of 64 and around sample 57.5."""
    for corner, facts, said in [(60, AT_TOP, True), (56, AT_TOP, False), (60, {}, False)]:
        (found,) = detector(halo=4).find(case_with_cubes((corner, 32, 48), facts=facts))
        assert found.leaves_scan == said


def test_no_candidate_lies_beyond_the_scan():
    searched = detector(halo=4)
    searched.net = Beyond()
    assert searched.find(case_with_cubes((60, 32, 48), facts=AT_TOP)) == []


class Beyond(BrightCells):
    """Places everything one cell higher."""

    def forward(self, volume):
        output = super().forward(volume)
        output[:, 1] += 1
        return output


def test_what_looks_alike_from_every_lattice_keeps_its_score():
    grid = Grid.upright((64, 96, 96), (1, 1, 1))
    hu = np.full(grid.shape, -1000, np.int16)
    hu[24:40, 40:56, 40:56] = 400
    case = Case("c", "p", ArrayImage(grid, hu))
    once, again = (detector(look_again=n).find(case)[0] for n in (0, 3))
    assert again.score == pytest.approx(once.score, abs=1e-6)
    np.testing.assert_allclose(again.centre_mm, once.centre_mm)


def test_a_cell_that_is_bright_on_one_lattice_only_falls_behind_what_is_bright_on_all():
    grid = Grid.upright((64, 96, 96), (1, 1, 1))
    hu = np.full(grid.shape, -1000, np.int16)
    hu[16:20, 32:36, 48:52] = 380  # One cell of the search's own lattice.
    hu[40:52, 60:72, 60:72] = 300
    case = Case("c", "p", ArrayImage(grid, hu))
    first = [detector(look_again=n).find(case)[0].centre_mm[2] for n in (0, 1, 5)]
    np.testing.assert_allclose(first, [17.5, 45.5, 45.5], atol=5)


def test_a_score_is_the_mean_logit_of_its_looks():
    case = case_with_cubes((16, 32, 48))
    (found,) = detector(look_again=1, halo=0).find(case)
    looks = [20 * _brightest(case, lattice) - 2 for lattice, _ in LOOKS]
    assert np.log(found.score / (1 - found.score)) == pytest.approx(np.mean(looks), abs=0.02)


def _brightest(case, lattice):
    """The brightness, scaled as the net sees it, of the brightest cell near the cube that begins at (16, 32, 48)."""
    hu = torch.from_numpy(np.pad(case.image.array, 48, mode="symmetric"))
    start = [c - LOOK_SIDE // 2 + shift + 48 for c, shift in zip((17, 33, 49), lattice, strict=True)]
    cube = hu[tuple(slice(s, s + LOOK_SIDE) for s in start)]
    return float(nn.functional.avg_pool3d(scale_hu(cube)[None, None], 4).max())
