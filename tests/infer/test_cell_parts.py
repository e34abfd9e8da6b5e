import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lesionkit.infer.cell_parts import CellParts, CellsOnDemand, Norm, around, grown, strided, tiles, within
from lesionkit.infer.scratch import Scratch
from lesionkit.nets.guest.quick import without_padding

SHAPE = (7, 5, 6)


def whole(seed: int = 0, channels: int = 4) -> torch.Tensor:
    return torch.randn(channels, *SHAPE, generator=torch.Generator().manual_seed(seed))


def cut(map_: torch.Tensor, side: int, held: int = 10**9) -> CellParts:
    return CellParts.made(SHAPE, tiles(SHAPE, side), lambda box: map_[(slice(None), *box)].clone(), Scratch(held))


def joined(parts: CellParts) -> torch.Tensor:
    return parts.read(tuple(slice(0, n) for n in SHAPE))


def test_boxes_grow_to_the_end_of_the_map_and_are_counted_from_it():
    box = (slice(1, 3), slice(0, 5))
    outer = grown(box, (2, 2), (4, 6))
    assert outer == (slice(0, 4), slice(0, 6))
    assert within(box, outer) == box
    assert around(box, 2) == (slice(-1, 5), slice(-2, 7))
    assert strided(box, (4, 2)) == (slice(4, 12), slice(0, 10))


@settings(max_examples=6)
@given(st.integers(2, 8), st.integers(0, 5))
def test_a_map_is_the_same_however_it_is_cut(side, seed):
    assert torch.equal(joined(cut(whole(seed), side)), whole(seed))


@settings(max_examples=6)
@given(st.integers(2, 8), st.integers(0, 5), st.sampled_from([0, 300, 10**9]))
def test_a_convolution_with_its_norm_is_that_of_the_whole_however_it_is_cut_and_wherever_it_is_kept(side, seed, held):
    torch.manual_seed(seed)
    first, second, norm = nn.Conv3d(4, 4, 3, padding=1), nn.Conv3d(4, 2, 3, padding=1), nn.GroupNorm(2, 4)
    with torch.inference_mode():
        nn.init.normal_(norm.weight)
        expected = second(norm(first(whole(seed)[None])).relu())[0]
        halfway = cut(whole(seed), side, held).convolved(without_padding(first), norm=Norm(norm, np.ones(SHAPE, bool)))
        torch.testing.assert_close(joined(halfway.convolved(without_padding(second))), expected)


@pytest.mark.parametrize("side", [2, 7])
def test_the_means_of_a_norm_are_of_the_cells_that_count_and_of_no_others(side):
    norm, counted = nn.GroupNorm(2, 4), np.zeros(SHAPE, bool)
    counted[2:5, 1:3] = True
    with torch.inference_mode():
        made = CellParts.made(
            SHAPE, tiles(SHAPE, side), lambda box: whole()[(slice(None), *box)].clone(), Scratch(0), Norm(norm, counted)
        )
        expected = norm(whole()[:, 2:5, 1:3][None])[0].relu()
        torch.testing.assert_close(made.read((slice(2, 5), slice(1, 3), slice(0, 6))), expected)


def test_each_finished_part_is_told():
    told = []
    cut(whole(), 4).convolved(without_padding(nn.Conv3d(4, 4, 3, padding=1)), done=lambda: told.append(1))
    assert len(told) == len(tiles(SHAPE, 4))


def test_what_is_not_held_is_nought():
    box = (slice(0, 2), slice(0, 2), slice(0, 2))
    parts = CellParts.made(SHAPE, [box], lambda box: torch.ones(1, 2, 2, 2), Scratch(10**9))
    assert parts.read((slice(1, 3), slice(0, 1), slice(0, 1))).flatten().tolist() == [1, 0]
    assert parts.read((slice(4, 6), slice(0, 1), slice(0, 1))).flatten().tolist() == [0, 0]


def test_a_map_on_demand_is_computed_where_it_is_read_and_once():
    asked = []

    def make(box):
        asked.append(box)
        return whole()[(slice(None), *box)]

    demand = CellsOnDemand(SHAPE, tiles(SHAPE, 3), make, Scratch(0))
    with pytest.raises(ValueError, match="lies outside"):
        demand.read((slice(9, 10), slice(0, 1), slice(0, 1)))
    box = (slice(2, 4), slice(0, 2), slice(0, 1))
    for _ in range(2):
        assert torch.equal(demand.read(box), whole()[(slice(None), *box)])
    assert asked == [(slice(0, 3), slice(0, 3), slice(0, 3)), (slice(3, 6), slice(0, 3), slice(0, 3))]
