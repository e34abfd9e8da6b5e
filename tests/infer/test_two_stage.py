import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.infer.two_stage import TwoStageDetector
from lesionkit.infer.two_stage_settings import TwoStageInferSettings
from lesionkit.nets.cube.chain import Chain
from lesionkit.nets.cube.chain_settings import ChainSettings, JoinSettings
from lesionkit.nets.cube.cube_net_settings import CubeNetSettings
from lesionkit.nets.cube.mask_net_settings import MaskNetSettings
from lesionkit.nets.intensity import scale_hu

GRID = Grid.upright((64, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-30.0, 5.0, 200.0))
SETTINGS = ChainSettings(
    mask=MaskNetSettings(channels=(2, 4)),
    cubes=(CubeNetSettings(width=0.25),),
    join=JoinSettings(coefficients=(0.0, 1.0)),
)


class Brightness(nn.Module):
    """Draws what is brighter than about −270 HU; the brighter, the surer."""

    def forward(self, volume):
        return 8 * volume


class Lonely(nn.Module):
    """A cube is a nodule where its middle is bright and little else is."""

    def forward(self, cube):
        return 4 - 0.01 * (cube > 0).sum(dim=(1, 2, 3, 4)).float()


def detector(**settings) -> TwoStageDetector:
    given = TwoStageInferSettings(device="cpu", precision="fp32", **settings)
    made = TwoStageDetector(Chain(SETTINGS), given, torch.device("cpu"))
    made.chain.mask, made.chain.cubes[0] = Brightness(), Lonely()
    return made


def case_with(*boxes, lung=None, facts=None) -> Case:
    hu = np.full(GRID.shape, -1000, np.int16)
    for (z, y, x), side, value in boxes:
        hu[z : z + side, y : y + side, x : x + side] = value
    regions = {} if lung is None else {"lung": ArrayImage(GRID, lung)}
    return Case("c", "p", ArrayImage(GRID, hu), regions=regions, facts=facts or {})


def test_what_is_drawn_becomes_a_candidate_with_its_centre_and_the_diameter_of_its_volume():
    (found,) = detector().find(case_with(((16, 32, 48), 6, 400)))
    np.testing.assert_allclose(found.centre_mm, GRID.index_to_world([18.5, 34.5, 50.5]), atol=1e-2)
    assert found.diameter_mm == pytest.approx((6 / np.pi * 6**3) ** (1 / 3))
    assert found.score == pytest.approx(1 / (1 + np.exp(-(4 - 2.16))), abs=1e-4)


def test_those_that_judge_rank_what_was_drawn():
    # The larger is drawn as surely, and is judged to be none.
    small, large = detector(threshold=0.0).find(case_with(((16, 20, 20), 4, 400), ((16, 60, 60), 12, 400)))
    assert small.diameter_mm < large.diameter_mm
    assert small.score > 0.9 > 0.1 > large.score


@pytest.mark.parametrize("largest", [100_000, 300_000, 5_000_000])
def test_the_size_of_the_windows_does_not_change_what_is_found(largest):
    boxes = [((16, 32, 48), 5, 300), ((40, 2, 2), 4, 200), ((28, 60, 44), 6, 100), ((58, 88, 88), 5, 250)]
    found = detector(largest_window=largest, threshold=0.0).find(case_with(*boxes))
    assert sorted(round(one.diameter_mm, 3) for one in found) == [4.963, 6.204, 6.204, 7.444]


def test_only_the_lungs_are_looked_at():
    lung = np.zeros(GRID.shape, bool)
    lung[:, :, :40] = True
    found = detector().find(case_with(((16, 32, 20), 4, 400), ((16, 32, 80), 4, 400), lung=lung))
    assert [round(one.centre_mm[0]) for one in found] == [round(float(GRID.index_to_world([0, 0, 21.5])[0]))]


def test_small_pieces_are_no_candidates_and_the_strongest_alone_are_judged():
    boxes = [((16, 10, 10), 1, 400), ((16, 32, 48), 4, 400), ((40, 60, 60), 4, 100)]
    assert len(detector().find(case_with(*boxes))) == 2
    (strongest,) = detector(judged=1).find(case_with(*boxes))
    np.testing.assert_allclose(strongest.centre_mm, GRID.index_to_world([17.5, 33.5, 49.5]), atol=1e-2)
    assert len(detector(least_mm3=0.5).find(case_with(*boxes))) == 3


def test_pieces_touch_at_corners_too():
    assert len(detector().find(case_with(((10, 10, 10), 4, 400), ((14, 14, 14), 4, 400)))) == 1


def test_where_nothing_is_drawn_nothing_is_found():
    assert detector().find(case_with()) == []


def test_what_reaches_beyond_the_end_of_the_scan_is_told():
    ends = [[True, True], [False, False], [False, False]]
    inside, cut = (detector().find(case_with(((z, 32, 48), 6, 400), facts={"at_scan_end": ends}))[0] for z in (20, 0))
    assert (inside.leaves_scan, cut.leaves_scan) == (False, True)


def test_the_networks_are_told_apart_by_their_places():
    places, rows = detector().judged(case_with(((16, 32, 48), 6, 400), ((40, 60, 60), 4, 0)))
    assert places.shape == (2, 3)
    # The one that draws first: 8 times 400 and 0 HU as they are scaled, kept as a probability of 16 bits.
    np.testing.assert_allclose(rows[:, 0], [6.93, 2.92], atol=0.01)
    np.testing.assert_allclose(rows[:, 1], [4 - 2.16, 4 - 0.64], atol=1e-4)


def test_without_those_that_judge_the_one_that_draws_ranks():
    alone = Chain(ChainSettings(mask=MaskNetSettings(channels=(2, 4))))
    made = TwoStageDetector(alone, TwoStageInferSettings(device="cpu", precision="fp32"), torch.device("cpu"))
    made.chain.mask = Brightness()
    bright, dim = made.find(case_with(((16, 32, 48), 4, 0), ((40, 60, 60), 4, -200)))
    assert bright.score == pytest.approx(1 / (1 + np.exp(-8 * (2 * 1024 / 1500 - 1))), abs=2e-3)
    assert dim.score < bright.score


def test_an_outline_is_the_piece_nearest_to_a_place_on_a_part_of_the_grid():
    case = case_with(((16, 32, 48), 6, 400), ((40, 60, 60), 4, 400))
    found = detector().outline(case, GRID.index_to_world([18, 34, 54]))
    drawn = np.argwhere(found.array)
    np.testing.assert_allclose(found.grid.index_to_world(drawn.mean(axis=0)), GRID.index_to_world([18.5, 34.5, 50.5]))
    assert len(drawn) == 216


@pytest.mark.parametrize(("length", "looked"), [(6, 1), (60, 1), (70, 2)])
def test_what_reaches_an_end_of_what_is_looked_at_is_looked_at_in_a_wider_box(length, looked):
    class Counted(Brightness):
        def forward(self, volume):
            looks.append(volume.shape)
            return super().forward(volume)

    looks, searcher = [], detector()
    searcher.chain.mask = Counted()
    hu = np.full(GRID.shape, -1000, np.int16)
    hu[30:34, 12 : 12 + length, 40:44] = 400
    found = searcher.outline(Case("c", "p", ArrayImage(GRID, hu)), GRID.index_to_world([32, 12 + length / 2, 42]))
    assert (int(found.array.sum()), len(looks)) == (16 * length, looked)


def test_where_nothing_is_drawn_within_five_millimetres_there_is_no_outline():
    case = case_with(((16, 32, 48), 6, 400))
    assert detector().outline(case, GRID.index_to_world([18, 34, 58.9])) is None
    assert detector().outline(case, GRID.index_to_world([18, 34, 57.9])) is not None
    assert detector().outline(case_with(), GRID.index_to_world([18, 34, 57])) is None


def reranking(*coefficients, intercept=0.0) -> TwoStageDetector:
    again = SETTINGS.model_copy(update={"rerank": JoinSettings(coefficients=coefficients, intercept=intercept)})
    made = TwoStageDetector(Chain(again), TwoStageInferSettings(device="cpu", precision="fp32"), torch.device("cpu"))
    made.chain.mask, made.chain.cubes[0] = Brightness(), Lonely()
    return made


def test_what_a_faster_model_found_is_ranked_anew_where_it_was_found():
    case = case_with(((16, 20, 20), 4, 400), ((16, 60, 60), 12, 400))
    first = [
        Candidate(tuple(case.image.grid.index_to_world(index)), score, 5.0)
        for index, score in (([21.5, 65.5, 65.5], 0.9), ([17.5, 21.5, 21.5], 0.4), ([50, 50, 50], 0.3))
    ]
    # The large one is judged to be none, and falls below the least score; in air the cube is empty.
    judged = reranking(0.0, 0.0, 1.0).rerank(case, first)
    assert [one.centre_mm for one in judged] == [first[2].centre_mm, first[1].centre_mm]
    assert [one.diameter_mm for one in judged] == [5.0, 5.0]
    as_before = reranking(1.0, 0.0, 0.0).rerank(case, first)
    assert as_before == [
        Candidate(one.centre_mm, pytest.approx(one.score), one.diameter_mm, one.leaves_scan) for one in first
    ]
    drawn = reranking(0.0, 1.0, 0.0).rerank(case, first)
    # Nothing is drawn where there is air; that stays below the least score.
    assert {one.centre_mm for one in drawn} == {first[0].centre_mm, first[1].centre_mm}


def test_the_logits_that_rank_are_those_of_the_faster_model_of_what_is_drawn_and_of_each_that_judges():
    case = case_with(((16, 20, 20), 4, 400))
    found = [Candidate(tuple(case.image.grid.index_to_world([17.5, 21.5, 21.5])), 0.75)]
    [row] = reranking(1.0, 1.0, 1.0).looked_at(case, found)
    scaled = float(np.log(0.9999 / 0.0001))
    assert row == pytest.approx([np.log(3), min(8 * float(scale_hu(torch.tensor(400.0))), scaled), 4 - 0.64], abs=1e-4)


def test_without_candidates_there_is_nothing_to_rank():
    assert reranking(1.0, 1.0, 1.0).rerank(case_with(), []) == []


def test_a_chain_that_never_learned_it_does_not_rank_again():
    assert not detector().reranks
    with pytest.raises(LesionkitError, match=r"ranks again only if it was trained with screen.model"):
        detector().rerank(case_with(), [Candidate((0.0, 30.0, 220.0), 0.5)])


FLAT = ChainSettings(mask=MaskNetSettings(dimensions=2, channels=(2, 4)))


class Flat(nn.Module):
    """Draws in slices what is brighter than about −270 HU."""

    def forward(self, slices):
        assert slices.ndim == 4
        return 8 * slices


def flat_detector(**settings) -> TwoStageDetector:
    plain = {"roundness": 0, "full_mm": 0, **settings}
    given = TwoStageInferSettings(device="cpu", precision="fp32", **plain)
    made = TwoStageDetector(Chain(FLAT), given, torch.device("cpu"))
    made.chain.mask = Flat()
    return made


def test_slices_that_are_drawn_one_by_one_are_joined_through_z_to_a_body_with_place_and_diameter():
    (found,) = flat_detector().find(case_with(((16, 32, 48), 6, 400)))
    np.testing.assert_allclose(found.centre_mm, GRID.index_to_world([18.5, 34.5, 50.5]), atol=1e-2)
    assert found.diameter_mm == pytest.approx((6 / np.pi * 6**3) ** (1 / 3))


def test_what_lasts_through_few_slices_is_ranked_below_what_goes_on_through_many():
    hu = np.full(GRID.shape, -1000, np.int16)
    hu[16:22, 20:26, 20:26] = 400
    hu[40:42, 60:72, 60:72] = 400
    case = Case("c", "p", ArrayImage(GRID, hu))
    first, second = flat_detector(threshold=0.0).find(case)
    assert first.centre_mm[2] < second.centre_mm[2]
    assert second.score == pytest.approx(0.5 * first.score, rel=0.05)  # Two slices of four.
    equal = flat_detector(threshold=0.0, lasting_mm=0).find(case)
    assert equal[0].score == pytest.approx(equal[1].score)


@pytest.mark.parametrize("largest", [100_000, 5_000_000])
def test_the_size_of_the_windows_does_not_change_what_is_drawn_in_slices(largest):
    boxes = [((16, 32, 48), 5, 300), ((40, 2, 2), 4, 200), ((59, 88, 88), 5, 250)]
    found = flat_detector(largest_window=largest, threshold=0.0).find(case_with(*boxes))
    assert sorted(round(one.diameter_mm, 3) for one in found) == [4.963, 6.204, 6.204]


def test_bodies_of_slices_that_are_long_or_small_are_ranked_below_round_ones():
    hu = np.full(GRID.shape, -1000, np.int16)
    hu[16:24, 20:28, 20:28] = 400
    hu[16:24, 60:64, 20:60] = 400  # As wide as a vessel, five times as long as the other.
    hu[40:44, 60:64, 60:64] = 400
    case = Case("c", "p", ArrayImage(GRID, hu))
    round_one, small, long_one = flat_detector(threshold=0.0, roundness=2, full_mm=8, lasting_mm=0).find(case)
    assert [round(one.centre_mm[0] - GRID.origin_mm[0], 1) for one in (round_one, small, long_one)] == [
        23.5,
        61.5,
        39.5,
    ]
    cube = (6 / np.pi) ** (1 / 3)  # The diameter of a ball of the volume of a cube, in its sides.
    assert small.score / round_one.score == pytest.approx(cube * 4 / 8, rel=0.01)
