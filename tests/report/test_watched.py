import numpy as np
import pytest

from lesionkit.report.watched import batch_picture, sheet, three_slices, watched_pictures

TRUTH, DRAWN = [79, 216, 180], [255, 207, 51]


def cube(*places, side=16):
    whole = np.zeros((side,) * 3, np.float32)
    for place in places:
        whole[place] = 1
    return whole


def test_three_slices_show_input_truth_and_prediction_around_the_slice_with_most_truth():
    picture = three_slices(cube() - 1350, cube(8), cube(5))
    assert picture.shape == (3 * 128 + 8, 3 * 128 + 8, 3)
    middles = [[picture[64 + row * 132, 64 + column * 132].tolist() for column in range(3)] for row in range(3)]
    assert middles == [[[0, 0, 0], [0, 0, 0], DRAWN], [[0, 0, 0], TRUTH, [0, 0, 0]], [[0] * 3] * 3]


def test_slices_that_are_not_there_are_left_out():
    assert three_slices(cube(), cube(0), cube()).shape[0] == 2 * 128 + 4
    assert three_slices(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)), np.zeros((1, 8, 8))).shape[0] == 128


def test_a_slice_is_shown_alone():
    flat = np.zeros((8, 16), np.float32)
    assert {name: picture.shape for name, picture in watched_pictures(flat, flat, flat).items()} == {
        "as it is": (128, 392, 3)
    }


def test_a_sheet_has_sixteen_slices_of_the_middle_half_with_both_outlines():
    truth, drawn = cube(side=32), cube(side=32)
    truth[:, 8:16, 8:16] = 1
    drawn[:, 20:24, 20:24] = 0.6
    picture = sheet(cube(side=32), truth, drawn)
    assert picture.shape == (4 * 128 + 12, 4 * 128 + 12, 3)
    # A sample is four pixels wide; the outline lies around the piece, whose inside stays as it was.
    assert [picture[48, 7 * 4 + 2].tolist(), picture[22 * 4, 19 * 4 + 2].tolist()] == [TRUTH, DRAWN]
    assert picture[48, 48].tolist() == picture[2, 2].tolist()


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (5, 3)])
def test_a_batch_is_one_picture(count, columns):
    picture = batch_picture([(cube(), cube(3))] * (count - 1) + [(cube(), None)])
    assert picture.shape[1] == columns * 132 - 4
    assert picture.shape[0] == -(-count // columns) * 132 - 4


def test_a_batch_of_slices_too():
    assert batch_picture([(np.zeros((8, 8), np.float32), np.ones((8, 8), np.float32))]).shape == (128, 128, 3)
