import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lesionkit.nets.rpn.anchors import Anchors, as_anchors


@given(st.integers(0, 2), st.tuples(*[st.integers(0, 15)] * 3), st.floats(4, 150), st.tuples(*[st.floats(-25, 25)] * 3))
@settings(max_examples=30)
def test_what_is_encoded_is_decoded_again(anchor, cell, diameter, away):
    anchors = Anchors()
    cubes = anchors.cubes(torch.tensor([anchor]), torch.tensor([cell]))
    lesion = torch.cat([cubes[:, :3] + torch.tensor([away]), torch.tensor([[diameter]])], dim=1).double()
    torch.testing.assert_close(anchors.decode(cubes, anchors.encode(cubes, lesion)), lesion)


def test_offsets_are_in_anchors_and_sizes_are_logarithms():
    cubes = torch.tensor([[1.5, 5.5, 9.5, 10.0]], dtype=torch.float64)
    said = Anchors().encode(cubes, torch.tensor([[6.5, 5.5, 8.5, 20.0]], dtype=torch.float64))
    torch.testing.assert_close(said, torch.tensor([[0.5, 0.0, -0.1, 0.6931471805599453]], dtype=torch.float64))


def test_anchors_lie_in_the_middle_of_cells_of_four_samples():
    cubes = Anchors().cubes(torch.tensor([0, 2]), torch.tensor([[0, 0, 0], [1, 2, 3]]))
    assert cubes.tolist() == [[1.5, 1.5, 1.5, 10.0], [5.5, 9.5, 13.5, 60.0]]


def test_cubes_that_are_one_overlap_by_all_and_half_of_a_cube_by_half():
    overlaps = Anchors(sides=(8.0, 16.0)).overlaps((4, 4, 4), (5.5, 5.5, 5.5, 8.0))
    assert overlaps.shape == (2, 4, 4, 4)
    assert overlaps[0, 1, 1, 1] == 1
    # A step of a cell of 4 leaves half of a cube of 8: 1/2 over 3/2.
    torch.testing.assert_close(overlaps[0, 1, 1, 2], torch.tensor(1 / 3, dtype=torch.float64))
    torch.testing.assert_close(overlaps[1, 1, 1, 1], torch.tensor(1 / 8, dtype=torch.float64))
    assert overlaps[0, 3, 3, 3] == 0


def test_no_cube_is_decoded_farther_than_three_anchors_away():
    cubes = torch.tensor([[0.0, 0.0, 0.0, 10.0]], dtype=torch.float64)
    ball = Anchors().decode(cubes, torch.tensor([[99.0, -99.0, 0.0, 0.0]]))
    assert ball.tolist() == [[30.0, -30.0, 0.0, 10.0]]


def test_the_channels_of_an_anchor_lie_together():
    maps = torch.arange(15).view(1, 15, 1, 1, 1)
    assert as_anchors(maps)[0, 1, :, 0, 0, 0].tolist() == [5, 6, 7, 8, 9]
