import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lesionkit.infer.cell_parts import CellParts, CellsOnDemand, grown, strided, tiles, within

SHAPE = (7, 5, 6)


def whole(seed: int = 0, channels: int = 4) -> torch.Tensor:
    return torch.randn(channels, *SHAPE, generator=torch.Generator().manual_seed(seed))


def cut(map_: torch.Tensor, side: int) -> CellParts:
    return CellParts.made(SHAPE, tiles(SHAPE, side), lambda box: map_[(slice(None), *box)].clone())


def joined(parts: CellParts) -> torch.Tensor:
    return parts.read(tuple(slice(0, n) for n in SHAPE))


def test_boxes_grow_to_the_end_of_the_map_and_are_counted_from_it():
    box = (slice(1, 3), slice(0, 5))
    outer = grown(box, (2, 2), (4, 6))
    assert outer == (slice(0, 4), slice(0, 6))
    assert within(box, outer) == box
    assert strided(box, (4, 2)) == (slice(4, 12), slice(0, 10))


@settings(max_examples=6)
@given(st.integers(2, 8), st.integers(0, 5))
def test_a_map_is_the_same_however_it_is_cut(side, seed):
    assert torch.equal(joined(cut(whole(seed), side)), whole(seed))


@settings(max_examples=6)
@given(st.integers(2, 8), st.integers(0, 5))
def test_a_convolution_shows_no_seam(side, seed):
    torch.manual_seed(seed)
    layer = nn.Conv3d(4, 4, 3, padding=1)
    with torch.inference_mode():
        torch.testing.assert_close(joined(cut(whole(seed), side).convolved(layer)), layer(whole(seed)[None])[0])


@settings(max_examples=6)
@given(st.integers(2, 8), st.integers(0, 5))
def test_a_group_norm_is_that_of_the_whole_however_it_is_cut(side, seed):
    norm = nn.GroupNorm(2, 4)
    with torch.inference_mode():
        nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(seed))
        expected = norm(whole(seed)[None] * 3 + 1)[0].relu()
        torch.testing.assert_close(joined(cut(whole(seed) * 3 + 1, side).normalised(norm)), expected)


def test_what_is_not_held_is_nought():
    box = (slice(0, 2), slice(0, 2), slice(0, 2))
    parts = CellParts.made(SHAPE, [box], lambda box: torch.ones(1, 2, 2, 2))
    assert parts.read((slice(1, 3), slice(0, 1), slice(0, 1))).flatten().tolist() == [1, 0]


def test_a_map_on_demand_is_computed_where_it_is_read_and_once():
    asked = []

    def make(box):
        asked.append(box)
        return whole()[(slice(None), *box)]

    demand = CellsOnDemand(SHAPE, tiles(SHAPE, 3), make)
    box = (slice(2, 4), slice(0, 2), slice(0, 1))
    for _ in range(2):
        assert torch.equal(demand.read(box), whole()[(slice(None), *box)])
    assert asked == [(slice(0, 3), slice(0, 3), slice(0, 3)), (slice(3, 6), slice(0, 3), slice(0, 3))]
