from dataclasses import replace

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.sample.augment_settings import NO_AUGMENTATION, AugmentSettings
from lesionkit.sample.cube_settings import CubeSettings
from lesionkit.sample.cubes import CubeDraws, around_middle
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.draw_settings import SampleSettings

GRID = Grid.upright((96, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-40.0, 10.0, 100.0))
LESION_HU = 100


def place(*index):
    return tuple(float(v) for v in GRID.index_to_world(index))


def scan(*lesions, excluded=()):
    hu = np.full(GRID.shape, -850, np.int16)
    for lesion in lesions:
        z, y, x = np.rint(GRID.world_to_index(lesion.centre_mm)).astype(int)
        hu[z - 2 : z + 3, y - 2 : y + 3, x - 2 : x + 3] = LESION_HU
    lung = ArrayImage(GRID, np.ones(GRID.shape, bool))
    return Case("c", "p", ArrayImage(GRID, hu), lesions, excluded, {"lung": lung})


def deck(case, insert=None, hard=None, augment=NO_AUGMENTATION, cubes=None, **shares):
    cubes = cubes or CubeSettings()
    settings = around_middle(SampleSettings(augment=augment, **shares), cubes)
    hard = None if hard is None else {"c": np.array(hard)}
    patches = PatchDraws([case], settings, lambda patch: {}, seed=0, length=1, insert=insert, hard=hard)
    return CubeDraws(patches, cubes, seed=0, length=100)


ONE = Lesion(place(48, 40, 56), 6.0)


def test_number_i_is_the_same_cube_whenever_it_is_drawn():
    cubes = deck(scan(ONE), augment=AugmentSettings())
    first = [cubes[i] for i in range(6)]
    for i in reversed(range(6)):
        np.testing.assert_array_equal(first[i]["hu"], cubes[i]["hu"])
        assert first[i]["hu"].shape == (1, 32, 32, 32)


def test_half_the_cubes_hold_a_lesion_within_two_samples_of_their_middle_and_the_rest_none():
    drawn = [deck(scan(ONE)).draw(i) for i in range(60)]
    assert np.mean([positive for _, positive in drawn]) == pytest.approx(0.5, abs=0.15)
    for patch, positive in drawn:
        middle = patch.hu[13:19, 13:19, 13:19].max()
        assert (middle == LESION_HU) == positive
        if positive:
            assert np.abs(patch.balls[0, :3] - 15.5).max() <= 2.6


def test_most_of_the_others_lie_around_false_positives():
    hard = place(20, 20, 20)
    cubes = deck(scan(ONE), hard=[hard], cubes=CubeSettings(positive_share=0.01, hard_share=0.7))
    grey = scan(ONE)
    grey.image.array[18:23, 18:23, 18:23] = -100
    cubes.patches.sources[0].case = grey
    share = np.mean([(cubes.draw(i)[0].hu[13:19, 13:19, 13:19] == -100).any() for i in range(80)])
    assert share == pytest.approx(0.7, abs=0.15)


def test_inserted_nodules_are_brought_to_the_middle():
    def insert(hu, lung, grid, taken, rng):
        index = rng.integers(8, np.array(hu.shape) - 8)
        hu[tuple(slice(i - 1, i + 2) for i in index)] = LESION_HU
        return hu, [Lesion(tuple(grid.index_to_world(index)), 3.0)]

    cubes = deck(scan(), insert=insert, insert_share=0.5)
    drawn = [cubes.draw(i) for i in range(40)]
    for patch, positive in drawn:
        assert ((patch.hu[12:20, 12:20, 12:20] == LESION_HU).sum() == 27) == positive
    assert {positive for _, positive in drawn} == {True, False}


def test_no_cube_without_a_lesion_lies_on_a_finding_that_counts_neither_way():
    finding = Lesion(place(48, 48, 48), 60.0)
    cubes = deck(scan(ONE, excluded=(finding,)), hard=[place(48, 48, 40)])
    for i in range(30):
        patch, positive = cubes.draw(i)
        if not positive:
            away = np.linalg.norm(patch.ignored[:, :3] - 15.5, axis=1)
            assert (away > patch.ignored[:, 3] / 2).all()


def test_lesions_everywhere_leave_nothing_to_tell_them_from():
    everywhere = replace(scan(ONE), excluded=(Lesion(place(48, 48, 48), 400.0),))
    with pytest.raises(LesionkitError, match=r"a place without a lesion was not found in 50 tries; give scans with"):
        [deck(everywhere).draw(i) for i in range(10)]


@pytest.mark.parametrize("index", [(0, 40, 56), (95, 1, 94), (2, 93, 93)])
def test_a_cube_of_a_lesion_at_the_border_holds_it_where_its_ball_says(index):
    grid = Grid.upright((96, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-40.0, 10.0, 100.0))
    hu = np.full(grid.shape, -850, np.int16)
    hu[index] = LESION_HU
    case = Case("c", "p", ArrayImage(grid, hu), (Lesion(place(*index), 6.0),))
    cubes = deck(case, lesion_share=0.6, insert_share=0)
    seen = [cubes.draw(number) for number in range(16)]
    for patch, positive in seen:
        if positive:
            assert tuple(np.argwhere(patch.hu == LESION_HU)[0]) == tuple(np.rint(patch.balls[0, :3]).astype(int))
    assert {positive for _, positive in seen} == {True, False}


def test_a_scan_smaller_than_a_cube_has_air_around_it():
    grid = Grid.upright((12, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-40.0, 10.0, 100.0))
    case = Case("c", "p", ArrayImage(grid, np.full(grid.shape, -850, np.int16)), (Lesion(place(6, 20, 20), 6.0),))
    cubes = deck(case, lesion_share=0.6, insert_share=0)
    for number in range(10):
        patch, _ = cubes.draw(number)
        assert (patch.hu.shape, (patch.hu == -1024).sum()) == ((32, 32, 32), 20 * 32 * 32)


def test_scans_without_a_lesion_and_nothing_that_inserts_are_refused():
    with pytest.raises(LesionkitError, match="training needs at least one lesion among 1 cases"):
        deck(scan(), insert_share=0)
