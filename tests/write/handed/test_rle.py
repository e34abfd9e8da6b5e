from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from lesionkit.core.grid import Grid
from lesionkit.core.handed import Balls, Maker, Mask
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.rle import rle_text, write_rle_of_balls, write_rle_of_masks

MADE = Maker("r", "1", "", "", "", datetime(2026, 1, 1, tzinfo=UTC))


def unread():
    raise AssertionError("nobody asks for pixels")


def common(name):
    return {
        **{"case_id": name, "patient_id": "p", "path": Path(name), "lesion": "nodule", "maker": MADE},
        **{"case": unread, "planes": tuple},
    }


def mask(name, drawn):
    return Mask(**common(name), score=0.5, shape=drawn.shape, mask=lambda: drawn, heat=unread)


def test_a_radiograph_is_a_row_and_one_with_fewer_than_ten_pixels_is_empty(tmp_path):
    large, small = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    large[1:3, :5] = True
    small[0, :] = small[1, :3] = True
    (file,) = write_rle_of_masks([mask("a", large), mask("b", small)], tmp_path)
    assert file.name == "rle_kaggle.csv"
    assert file.read_text().splitlines() == ["img,pixels", "a,2 2 6 2 10 2 14 2 18 2", "b,"]


def test_a_scan_is_a_row_for_each_slice(tmp_path):
    grid = Grid.upright((3, 9, 9), (4.0, 1.0, 1.0))
    ball = Candidate((4.0, 4.0, 4.0), 0.9, 4.2)
    (file,) = write_rle_of_balls([Balls(**common("s"), grid=grid, balls=(ball,))], tmp_path)
    rows = file.read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["img", "s_0", "s_1", "s_2"]
    # Radius 2.1 mm around row 4, column 4: columns of 1, 3, 5, 3 and 1 samples, counted down the columns from 1.
    assert rows[2].split(",")[1] == "23 1 31 3 39 5 49 3 59 1"
    assert [row.split(",")[1] for row in (rows[1], rows[3])] == ["", ""]


def test_what_a_network_drew_is_written_instead_of_balls_where_it_is_known(tmp_path):
    grid = Grid.upright((2, 5, 4), (1.0, 1.0, 1.0))
    labels = np.zeros(grid.shape, np.uint16)
    labels[1, :, :2], labels[0] = 1, 2  # The second finding lies below the line.
    one = Balls(
        **common("s"),
        grid=grid,
        balls=(Candidate((0.0, 0.0, 1.0), 0.9, 4.0),),
        drawn=lambda: ArrayImage(grid, labels),
    )
    (file,) = write_rle_of_balls([one], tmp_path)
    assert file.read_text().splitlines() == ["img,pixels", "s_0,", "s_1,1 10"]


def test_ten_pixels_are_enough_and_nine_are_not():
    assert rle_text(np.ones((5, 2), bool)) == "1 10"
    assert not rle_text(np.ones((3, 3), bool))
